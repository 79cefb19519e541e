// The desk's voice: browsers want a click before anything may sound.
import { by, say } from "./dom.js";
import { headers } from "./gateway.js";

export class Sound {
  constructor() {
    this.button = by("sound");
    this.button.addEventListener("click", () => (this.speaker ? this.#mute() : this.#enable()));
  }

  #enable() {
    const { Follower, Speaker } = globalThis.osiris;
    this.speaker = new Speaker((speaking) => this.button.classList.toggle("speaking", speaking));
    this.speaker.audio.id = "voice";
    this.speaker.audio.hidden = true;
    document.body.append(this.speaker.audio);
    this.follower = new Follower({
      url: () => "/stream/audio",
      headers,
      onEvents: (events) => events.forEach(({ data }) => this.speaker.say(data)),
      onState: (state) => (this.button.dataset.stream = state),
    });
    this.follower.run();
    this.#tell();
  }

  #mute() {
    this.speaker.muted = !this.speaker.muted;
    this.#tell();
  }

  #tell() {
    say(this.button, this.speaker.muted ? "Unmute" : "Mute");
    this.button.setAttribute("aria-pressed", String(!this.speaker.muted));
  }
}
