// The audio console: served by the gateway, or opened from disk with the address of one.
"use strict";
{
  const { Follower, Speaker } = globalThis.osiris;
  const by = (id) => document.getElementById(id);
  const fromDisk = location.protocol === "file:";
  let follower = null;
  let speaker = null;
  let clips = 0;

  by("gateway").value = fromDisk ? "http://127.0.0.1:8000" : location.origin;
  by("key").value = sessionStorage.getItem("osiris-key") ?? "";

  const tell = (text, help = "") => {
    by("state").textContent = text;
    by("help").hidden = !help;
    by("help").textContent = help;
  };

  /** Why a gateway cannot be reached: a browser does not tell a page, but one reason is likelier than others. */
  function why() {
    const other = fromDisk || by("gateway").value.replace(/\/$/, "") !== location.origin;
    if (!other) return "Is the gateway running?";
    const origin = fromDisk ? "null (a page from disk)" : location.origin;
    return (
      "Is the gateway running, and does it let pages of other origins listen? It does not unless their origin is " +
      `listed in its settings (see .env.template): this page's origin is ${origin}. ` +
      "The same page served by the gateway, at /static/audio_console.html, needs no such setting."
    );
  }

  function onState(state, error) {
    if (state === "open") tell("Listening.");
    else if (state === "connecting") tell("Connecting …");
    else if (error.status) tell(`The gateway refused: ${error.message}`);
    else tell("The gateway cannot be reached; trying again.", why());
  }

  by("form").addEventListener("submit", (event) => {
    event.preventDefault();
    follower?.stop();
    speaker ??= new Speaker();
    speaker.audio = by("voice");
    const gateway = by("gateway").value.replace(/\/$/, "");
    const key = by("key").value.trim();
    follower = new Follower({
      url: () => `${gateway}/stream/audio`,
      headers: () => (key ? { Authorization: `Bearer ${key}` } : {}),
      onEvents: (events) => {
        for (const { data } of events) speaker.say(data);
        by("clips").textContent = clips += events.length;
      },
      onState,
    });
    follower.run();
    by("mute").hidden = false;
  });

  by("mute").addEventListener("click", () => {
    speaker.muted = !speaker.muted;
    by("mute").textContent = speaker.muted ? "Unmute" : "Mute";
    by("mute").setAttribute("aria-pressed", String(speaker.muted));
  });
}
