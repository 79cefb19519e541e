"""Telling the mesh of a proposal."""

from osiris_contracts import ProposalCreated, RememberedProposal, streams
from osiris_mesh.bus import Bus


async def announce_proposal(bus: Bus, created: ProposalCreated, *, id: str | None = None) -> None:
    """Publish `created`; feedback on it is taken from the moment anybody can know of it, because the key goes first."""
    run = created.transaction_id
    kept = created.prompt if len(created.prompt) <= streams.REMEMBERED_PROMPT_CHARACTERS else None
    remembered = RememberedProposal(prompt=kept, proposal=created.proposal).model_dump_json()
    bus.writer.put("SET", streams.proposal_key(run), remembered, "EX", streams.PROPOSAL_KEY_SECONDS)
    await bus.publish(streams.PROPOSAL_CREATED, created, id=id, correlationid=str(run))
