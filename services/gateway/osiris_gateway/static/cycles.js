// The list of cycles: proposal, gate, critique as it is written, score, trades, and what its owner says of it.
import { by, el, say } from "./dom.js";
import { FeedbackBar } from "./feedback.js";
import { cash, moment, price, quantity, share } from "./format.js";

const MOST = 60;

const CHIPS = {
  accepted: ["accepted", "good"],
  passed: ["passed", ""],
  rejected: ["rejected", "bad"],
  failed: ["failed", "warn"],
  asked: ["asked for", ""],
  judged: ["critic at work", ""],
  refused: ["rejected", "bad"],
};

/** One cycle; its parts are made once and filled as they come. */
class Cycle {
  constructor(id, symbol, at) {
    this.id = id;
    this.symbol = symbol;
    this.pieces = 0;
    this.text = "";
    this.title = el("h3", {}, symbol, " ", at ? el("time", { datetime: at }, moment(at)) : "");
    this.number = el("span", { class: "note" });
    this.chip = el("span", { class: "chip" });
    this.terms = el("p", { class: "terms" });
    this.rationale = el("p", { class: "rationale" });
    this.reasons = el("p", { class: "reasons", hidden: true });
    this.score = el("span", { class: "score", title: "score of the critic, 0 to 10" }, "…");
    this.words = el("p");
    this.critique = el("div", { class: "critique", hidden: true }, this.score, this.words);
    this.trades = el("ul", { class: "trades", hidden: true });
    this.feedback = new FeedbackBar(id, symbol);
    this.node = el(
      "article",
      { class: "cycle", "data-run": id },
      el("div", { class: "cycle-head" }, this.title, this.number, this.chip),
      this.terms, this.rationale, this.reasons, this.critique, this.trades, this.feedback.node,
    );
  }

  status(name) {
    const [word, mood] = CHIPS[name];
    say(this.chip, word);
    this.chip.className = `chip ${mood}`;
    this.node.dataset.status = name;
  }

  propose(proposal, verdict) {
    const { action, side, new_stop_pct: stop, new_target_pct: target, confidence } = proposal;
    const what = side ? `${side === "LONG" ? "Long" : "Short"}` : action === "pass" ? "Leave everything" : "Be flat";
    this.terms.replaceChildren(
      el("b", { class: side }, what),
      ...[["stop", share(stop)], ["target", share(target)], ["confidence", confidence.toFixed(2)]]
        .filter(([, value]) => value !== null)
        .map(([name, value]) => el("span", {}, el("span", { class: "note" }, `${name} `), value)),
    );
    say(this.rationale, `“${proposal.rationale}”`);
    this.feedback.propose(proposal);
    if (verdict) this.judge(verdict);
  }

  judge({ accepted, reasons }) {
    this.reasons.hidden = accepted;
    say(this.reasons, accepted ? "" : `The gate: ${reasons.join("; ")}.`);
  }

  write({ index, text }) {
    if (index < this.pieces || this.critiqued) return; // a repetition, or too late
    this.pieces = index + 1;
    this.text += text;
    this.critique.hidden = false;
    this.critique.classList.add("writing");
    say(this.words, this.text.trimStart());
  }

  critic(text, score) {
    this.critiqued = true;
    this.critique.hidden = false;
    this.critique.classList.remove("writing");
    say(this.words, score === null ? text.trim() : text.replace(/\s*\**score\b[^\n]*$/i, "").trim() || text.trim());
    say(this.score, score === null ? "–" : `${Number(score.toFixed(1))}`);
    this.score.classList.toggle("good", score >= 7);
    this.score.classList.toggle("bad", score !== null && score < 4);
  }

  trade(text) {
    this.trades.hidden = false;
    if ([...this.trades.children].some((line) => line.textContent === text)) return;
    this.trades.append(el("li", {}, text));
  }
}

export class Cycles {
  constructor() {
    this.box = by("cycles");
    this.cycles = new Map();
    this.orders = new Map();
    this.decided = new Map();
    this.live = false;
  }

  proposal(created) {
    const cycle = this.#of(created.transaction_id, created.proposal.ticker, created.bars?.last ?? created.created_at);
    cycle.propose(created.proposal, created.verdict);
    if (cycle.node.dataset.status) return; // it was decided before it was told of
    cycle.status(created.origin === "gateway" ? "asked" : created.verdict?.accepted === false ? "refused" : "judged");
  }

  critique(piece) {
    this.cycles.get(piece.run_id)?.write(piece);
  }

  assessed(assessed) {
    const cycle = this.cycles.get(assessed.transaction_id);
    if (cycle && !cycle.critiqued) cycle.critic(assessed.assessment, assessed.score);
  }

  decision(decision) {
    const cycle = this.#of(decision.run_id, decision.symbol, decision.bars.last);
    say(cycle.number, `#${decision.sequence}`);
    if (decision.proposal) cycle.propose(decision.proposal, decision.verdict);
    else say(cycle.rationale, decision.error ?? "");
    cycle.status(decision.status);
    cycle.critique.classList.remove("writing");
    if (decision.critique) cycle.critic(decision.critique.text, decision.critique.score);
    else if (decision.proposal && decision.error) {
      cycle.reasons.hidden = false;
      say(cycle.reasons, decision.error);
    }
    if (decision.order) this.#ordered(cycle, decision.order);
    this.decided.set(decision.run_id, decision);
    this.#count();
    if (this.live) say(by("announce"), `Cycle ${decision.sequence}, ${decision.symbol}: ${cycle.terms.textContent}, ${decision.status}`);
  }

  fill(execution) {
    const cycle = this.orders.get(execution.order_id);
    if (!cycle) return;
    if (execution.kind === "rejection") {
      cycle.trade(`The venue refused: ${execution.reason}`);
      return;
    }
    const at = `at ${price(execution.price)}, ${moment(execution.timestamp)}`;
    if (!execution.quantity) cycle.trade(`Protection set ${at}`);
    else {
      const why = { stop: "Stop hit: ", target: "Target hit: " }[execution.reason] ?? "";
      const done = execution.side === "BUY" ? "bought" : "sold";
      cycle.trade(`${why}${why ? done : done.replace(/^./, (first) => first.toUpperCase())} ${quantity(execution.quantity)} ${at}, fee ${cash(execution.fee)}`);
    }
  }

  spoken({ transaction_id: id, status }) {
    this.cycles.get(id)?.feedback.note(status === "spoken" ? "spoken" : "");
  }

  given(feedback) {
    this.cycles.get(feedback.transaction_id)?.feedback.given(feedback);
  }

  #ordered(cycle, order) {
    this.orders.set(order.order_id, cycle);
  }

  #of(id, symbol, at) {
    let cycle = this.cycles.get(id);
    if (cycle) return cycle;
    by("cycles-empty").hidden = true;
    this.cycles.set(id, (cycle = new Cycle(id, symbol, at)));
    this.box.prepend(cycle.node);
    for (const [old, { node, feedback }] of this.cycles) {
      if (this.cycles.size <= MOST) break;
      if (feedback.busy) continue;
      node.remove();
      this.cycles.delete(old);
    }
    return cycle;
  }

  #count() {
    const decisions = [...this.decided.values()].slice(-300);
    if (this.decided.size > 300) this.decided = new Map([...this.decided].slice(-300));
    const acted = decisions.filter(({ status }) => status === "accepted").length;
    const scores = decisions.map(({ critique }) => critique?.score).filter((score) => score != null);
    const mean = scores.length ? ` · mean score ${(scores.reduce((sum, score) => sum + score, 0) / scores.length).toFixed(1)}` : "";
    say(by("cycles-note"), `${acted} of ${decisions.length} acted on${mean}`);
  }
}
