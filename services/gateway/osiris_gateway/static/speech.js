// Reads Server-Sent Events with fetch, which can send headers, and plays the desk's clips in order.
// A classic script, so that audio_console.html works from disk as well; it leaves `osiris` behind.
"use strict";

globalThis.osiris = (() => {
  const RETRY_MS = [500, 1000, 2000, 5000];

  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  async function* parts(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  function parse(block) {
    const event = { kind: "", id: null, data: null };
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon < 1) continue; // a comment
      const value = line.slice(colon + 1).replace(/^ /, "");
      const name = line.slice(0, colon);
      if (name === "event") event.kind = value;
      else if (name === "id") event.id = value;
      else if (name === "data") event.data = value;
    }
    return event;
  }

  /** Yields arrays of the events that came together: {kind, id, data}; an empty one is a sign of life. */
  async function* events(response) {
    let text = [];
    for await (const part of parts(response)) {
      text.push(part);
      if (!part.includes("\n\n") && !(part.startsWith("\n") && text.length > 1)) continue;
      const blocks = text.join("").split("\n\n");
      text = [blocks.pop()];
      yield blocks.map(parse).filter((event) => event.data !== null);
    }
  }

  class Follower {
    /**
     * Follows a stream for ever, and goes on after its last event whenever it breaks.
     *
     * @param {object} hooks url(), headers(), onEvents(events), onState(state, detail): "connecting", "open" or "away".
     */
    constructor(hooks) {
      this.hooks = hooks;
      this.lastEventId = null;
      this.failures = 0;
      this.stopped = false;
    }

    stop() {
      this.stopped = true;
      this.abort?.abort();
    }

    /** Try at once, such as with another key. */
    retry() {
      this.failures = 0;
      this.hurry?.();
    }

    async run() {
      while (!this.stopped) {
        this.hooks.onState("connecting");
        try {
          await this.#once();
          this.hooks.onState("away", { message: "the gateway ended the stream" });
        } catch (error) {
          if (this.stopped) return;
          this.hooks.onState("away", error);
        }
        const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        this.failures += 1;
        await Promise.race([sleep(wait), new Promise((done) => (this.hurry = done))]);
      }
    }

    async #once() {
      this.abort = new AbortController();
      const headers = { ...this.hooks.headers?.() };
      if (this.lastEventId) headers["Last-Event-ID"] = this.lastEventId;
      const response = await fetch(this.hooks.url(), { headers, cache: "no-store", signal: this.abort.signal });
      if (!response.ok) {
        if (response.status === 422) this.lastEventId = null; // an id of another version of the gateway
        const problem = await response.json().catch(() => ({}));
        throw Object.assign(new Error(problem.detail ?? response.statusText), { status: response.status });
      }
      this.failures = 0;
      this.hooks.onState("open");
      for await (const batch of events(response)) {
        this.hooks.onEvents(batch);
        const last = batch.findLast((event) => event.id);
        if (last) this.lastEventId = last.id;
      }
    }
  }

  class Speaker {
    /** @param {(speaking: boolean) => void} onChange told when it begins and ends to speak. */
    constructor(onChange = () => {}) {
      this.audio = new Audio();
      this.queue = [];
      this.busy = false;
      this.onChange = onChange;
      this.played = 0;
    }

    get muted() {
      return this.audio.muted;
    }

    set muted(value) {
      this.audio.muted = value;
    }

    /** Say a clip after those before it. @param {string} wav base64 */
    say(wav) {
      const bytes = Uint8Array.from(atob(wav), (letter) => letter.charCodeAt(0));
      this.queue.push(new Blob([bytes], { type: "audio/wav" }));
      if (!this.busy) this.#next();
    }

    async #next() {
      this.busy = true;
      this.onChange(true);
      while (this.queue.length) {
        const url = URL.createObjectURL(this.queue.shift());
        this.audio.src = url;
        const ended = new Promise((done) => (this.audio.onended = this.audio.onerror = done));
        try {
          await this.audio.play();
          await ended;
          this.played += 1;
        } catch (error) {
          console.warn("a clip could not be played:", error.message);
        }
        URL.revokeObjectURL(url);
      }
      this.busy = false;
      this.onChange(false);
    }
  }

  return { Follower, Speaker };
})();
