// Pause, resume, and the kill switch: each asks before it acts.
import { by, say } from "./dom.js";
import { moment } from "./format.js";
import { post } from "./gateway.js";

const ASK = {
  pause: ["Pause the desk?", "The cycle under way is finished, then no bar is taken until you resume. Stops and targets at the venue stay.", "Pause"],
  resume: ["Resume the desk?", "It goes on with the bar it stopped at.", "Resume"],
  stop: ["Stop new orders?", "From now on nothing adds exposure, not even the cycle under way. Cycles go on; orders that reduce what is held still pass.", "Stop new orders"],
  allow: ["Allow new orders?", "The desk may take new exposure again, within the gate's limits.", "Allow new orders"],
};

export class Controls {
  constructor() {
    this.status = { paused: false, orders_stopped: false };
    by("pause").addEventListener("click", () => this.#ask(this.status.paused ? "resume" : "pause"));
    by("stop").addEventListener("click", () => this.#ask(this.status.orders_stopped ? "allow" : "stop"));
    by("confirm").addEventListener("close", () => this.#answered());
  }

  /** The desk told how it stands. */
  control(status) {
    this.status = status;
    const { paused, orders_stopped: stopped, reason, changed_at: at } = status;
    say(by("pause"), paused ? "Resume" : "Pause");
    say(by("stop"), stopped ? "Allow new orders" : "Stop new orders");
    by("stop").setAttribute("aria-pressed", String(stopped));
    by("pause").setAttribute("aria-pressed", String(paused));
    const told = [
      paused ? "The desk is paused: it takes no bars." : "",
      stopped ? "New orders are stopped: only what reduces exposure passes." : "",
    ].filter(Boolean);
    this.#banner(told.length ? `${told.join(" ")} Since ${moment(at)} UTC${reason ? `: ${reason}` : ""}.` : "", stopped);
  }

  enable(can) {
    by("pause").disabled = by("stop").disabled = !can;
  }

  #banner(text, stopped) {
    by("banner").hidden = !text;
    by("banner").classList.toggle("stopped", stopped);
    say(by("banner"), text);
  }

  #ask(command) {
    this.command = command;
    const [title, text, yes] = ASK[command];
    say(by("confirm-title"), title);
    say(by("confirm-text"), text);
    say(by("confirm-yes"), yes);
    by("confirm-reason").value = "";
    by("confirm").returnValue = "";
    by("confirm").showModal();
  }

  async #answered() {
    if (by("confirm").returnValue !== "yes") return;
    try {
      const receipt = await post(`/desk/${this.command}`, { reason: by("confirm-reason").value });
      if (receipt.confirmed) this.control(receipt.status);
      else this.#banner("The desk is away or busy. It is told, and obeys as soon as it can.", false);
    } catch (error) {
      this.#banner(error.message, true);
    }
  }
}
