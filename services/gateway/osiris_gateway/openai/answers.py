"""A model's answers as bodies of /v1."""

import json
from collections.abc import Iterable, Sequence

from osiris_contracts import GenerateResult, LikelyToken, TokenLogprob, ToolCall, Usage
from osiris_contracts.openai import (
    AssistantMessage,
    ChatChoice,
    ChatCompletion,
    ChatLogprob,
    ChatLogprobs,
    Completion,
    CompletionUsage,
    FunctionCall,
    FunctionToolCall,
    PromptTokensDetails,
    TextChoice,
    TextLogprobs,
    TopLogprob,
)


def chat(call_id: str, created: int, results: Sequence[GenerateResult]) -> ChatCompletion:
    """The answers to POST /v1/chat/completions."""
    return ChatCompletion(
        id=call_id,
        created=created,
        model=results[0].model_id,
        system_fingerprint=results[0].model_version,
        choices=tuple(
            ChatChoice(
                index=index,
                message=AssistantMessage(
                    content=None if result.tool_call else result.text,
                    tool_calls=(tool_call(call_id, index, result.tool_call),) if result.tool_call else None,
                ),
                logprobs=chat_logprobs(result.logprobs),
                finish_reason="tool_calls" if result.tool_call else result.finish_reason,
            )
            for index, result in enumerate(results)
        ),
        usage=usage(result.usage for result in results),
    )


def text(call_id: str, created: int, results: Sequence[GenerateResult]) -> Completion:
    """The answers to POST /v1/completions."""
    return Completion(
        id=call_id,
        created=created,
        model=results[0].model_id,
        choices=tuple(
            TextChoice(
                index=index,
                text=result.text,
                logprobs=text_logprobs(result.logprobs, 0),
                finish_reason=result.finish_reason,
            )
            for index, result in enumerate(results)
        ),
        usage=usage(result.usage for result in results),
    )


def tool_call(call_id: str, index: int, call: ToolCall) -> FunctionToolCall:
    """A call with an id that is unique among all calls."""
    return FunctionToolCall(
        id=f"call_{call_id}_{index}", function=FunctionCall(name=call.name, arguments=json.dumps(call.arguments))
    )


def usage(usages: Iterable[Usage]) -> CompletionUsage:
    """Of all answers together."""
    every = list(usages)
    prompt = sum(each.prompt_tokens for each in every)
    completion = sum(each.completion_tokens for each in every)
    return CompletionUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=sum(each.cached_tokens for each in every)),
    )


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> ChatLogprobs | None:
    """None when there are none."""
    if not tokens:
        return None
    return ChatLogprobs(
        content=tuple(
            ChatLogprob(
                token=each.token,
                bytes=each.bytes,
                logprob=each.logprob,
                top_logprobs=tuple(TopLogprob(**top.model_dump()) for top in each.top),
            )
            for each in tokens
        )
    )


def text_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> TextLogprobs | None:
    """None when there are none; `offset` is where the first token begins in the text, in characters."""
    if not tokens:
        return None
    starts = [offset]
    for each in tokens:
        starts.append(starts[-1] + len(each.token))
    return TextLogprobs(
        tokens=tuple(each.token for each in tokens),
        token_logprobs=tuple(each.logprob for each in tokens),
        top_logprobs=tuple({top.token: top.logprob for top in _with_drawn(each)} for each in tokens),
        text_offset=tuple(starts[:-1]),
    )


def _with_drawn(token: TokenLogprob) -> tuple[LikelyToken, ...]:
    return (*token.top, token)
