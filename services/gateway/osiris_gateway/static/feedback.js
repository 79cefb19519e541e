// What the owner says of a proposal: thumbs, a comment, or the proposal as it should have been.
import { el, say } from "./dom.js";
import { post } from "./gateway.js";
import { thumb } from "./icons.js";

const SAID = { rating: "rated", qualitative_comment: "comment taken", correction: "corrected, phi3 learns from it" };

const field = (name, input, wide = false) => el("label", { class: `field${wide ? " wide" : ""}` }, name, input);

const choice = (name, values, chosen) =>
  el("select", { name }, values.map(([value, word]) => el("option", { value, selected: value === chosen }, word)));

export class FeedbackBar {
  constructor(id, symbol) {
    this.id = id;
    this.symbol = symbol;
    this.proposal = null;
    const button = (word, about, onclick, more = {}) =>
      el("button", { class: "button small", type: "button", "aria-label": `${about} the proposal for ${symbol}`, title: `${about} the proposal`, onclick, ...more }, word);
    this.up = button(thumb("up"), "Rate as good", () => this.#rate("up"), { "aria-pressed": "false" });
    this.down = button(thumb("down"), "Rate as bad", () => this.#rate("down"), { "aria-pressed": "false" });
    this.comment = button("Comment", "Comment on", () => this.#open("comment"), { "aria-expanded": "false" });
    this.correct = button("Correct", "Correct", () => this.#open("correction"), { "aria-expanded": "false" });
    this.said = el("span", { class: "note", role: "status" });
    this.bar = el("div", { class: "feedback", hidden: true }, this.up, this.down, this.comment, this.correct, this.said);
    this.slot = el("div");
    this.node = el("div", {}, this.bar, this.slot);
  }

  get busy() {
    return this.slot.hasChildNodes();
  }

  propose(proposal) {
    this.proposal = proposal;
    this.bar.hidden = false;
  }

  note(text) {
    if (text && !this.said.textContent.includes(text)) say(this.said, [this.said.textContent, text].filter(Boolean).join(" · "));
  }

  /** Feedback that the mesh has taken, of this page or another. */
  given({ feedback_type: type, feedback_content: content }) {
    if (type === "rating") this.#press(content);
    this.note(SAID[type] ?? "");
  }

  #press(content) {
    this.up.setAttribute("aria-pressed", String(content === "up"));
    this.down.setAttribute("aria-pressed", String(content === "down"));
  }

  async #send(body) {
    await post("/feedback/phi3/", { transaction_id: this.id, ...body });
    this.given(body);
  }

  async #rate(way) {
    try {
      await this.#send({ feedback_type: "rating", feedback_content: way });
    } catch (error) {
      say(this.said, error.message);
    }
  }

  #open(kind) {
    const button = kind === "comment" ? this.comment : this.correct;
    const again = this.kind === kind;
    this.#close();
    if (again) return;
    this.kind = kind;
    button.setAttribute("aria-expanded", "true");
    const form = kind === "comment" ? this.#commenting() : this.#correcting();
    this.slot.append(form);
    form.querySelector("textarea, select, input").focus();
  }

  #close() {
    this.kind = null;
    this.slot.replaceChildren();
    for (const button of [this.comment, this.correct]) button.setAttribute("aria-expanded", "false");
  }

  #form(word, body, ...fields) {
    const problem = el("p", { class: "problem", role: "alert" });
    const submit = async (event) => {
      event.preventDefault();
      say(problem, "");
      try {
        await this.#send(body(new FormData(event.target)));
        const opener = this.kind === "comment" ? this.comment : this.correct;
        this.#close();
        opener.focus();
      } catch (error) {
        say(problem, error.message);
      }
    };
    const leave = (event) => {
      if (event.key === "Escape") this.#close();
    };
    return el("form", { class: "form", onsubmit: submit, onkeydown: leave }, ...fields,
      el("div", { class: "dialog-actions wide" }, problem,
        el("button", { class: "button small", type: "button", onclick: () => this.#close() }, "Cancel"),
        el("button", { class: "button small primary", type: "submit" }, word)));
  }

  #commenting() {
    const text = el("textarea", { name: "text", required: true, maxlength: 5000 });
    return this.#form(
      "Send comment",
      (data) => ({ feedback_type: "qualitative_comment", feedback_content: data.get("text") }),
      field("What you think of it", text, true),
    );
  }

  #correcting() {
    const now = this.proposal;
    const stance = now.action === "adjust" ? now.side : now.action;
    const number = (name, value, max, step) => el("input", { name, type: "number", min: 0, max, step, value: value ?? "", inputmode: "decimal" });
    const stances = [["LONG", "long"], ["SHORT", "short"], ["pass", "pass: leave everything"], ["abort", "abort: be flat"]];
    const body = (data) => {
      const side = ["LONG", "SHORT"].includes(data.get("stance")) ? data.get("stance") : null;
      const amount = (name) => (data.get(name) === "" ? null : Number(data.get(name)));
      return {
        feedback_type: "correction",
        feedback_content: data.get("why") || "corrected on the desk",
        corrected_proposal: {
          ticker: now.ticker,
          action: side ? "adjust" : data.get("stance"),
          side,
          new_stop_pct: amount("stop"),
          new_target_pct: amount("target"),
          confidence: Number(data.get("confidence")),
          rationale: data.get("rationale"),
        },
      };
    };
    return this.#form(
      "Send correction",
      body,
      field("Should have been", choice("stance", stances, stance)),
      field("Stop, %", number("stop", now.new_stop_pct, 100, "any")),
      field("Target, %", number("target", now.new_target_pct, 100, "any")),
      field("Confidence", el("input", { name: "confidence", type: "number", min: 0, max: 1, step: "any", value: now.confidence, required: true })),
      field("Rationale", el("textarea", { name: "rationale", maxlength: 240, required: true }, now.rationale), true),
      field("Why you correct it", el("input", { name: "why", maxlength: 500, autocomplete: "off" }), true),
    );
  }
}
