// How the services are, what waits for them, and what could not be delivered.
import { by, el, say } from "./dom.js";
import { quantity } from "./format.js";

const WORDS = { ready: "", starting: "starting", draining: "takes no work", away: "away" };

export function services({ services }) {
  by("services").replaceChildren(
    ...services.map(({ service, state, instances, model }) => {
      const about = [
        WORDS[state],
        instances > 1 ? `${instances} instances` : "",
        model ? (model.loaded ? model.device : "no model") : "",
      ].filter(Boolean);
      return el(
        "li",
        { title: [service, state, model?.version].filter(Boolean).join(" · ") },
        el("span", { class: `dot ${state}` }),
        el("span", {}, service, el("span", { class: "unseen" }, ` ${state}`)),
        el("span", { class: `note ${state === "away" ? "bad" : ""}` }, about.join(", ")),
      );
    }),
  );
}

export function versions({ phi3, hermes, policy }) {
  const known = Object.entries({ phi3, hermes, policy }).filter(([, version]) => version);
  say(by("versions"), known.map(([name, version]) => `${name} ${version}`).join(" · "));
}

export function lag({ queues }) {
  const waiting = queues.filter((queue) => queue.lag + queue.pending > 0);
  if (!waiting.length) {
    by("queues").replaceChildren(el("p", { class: "note" }, `Nothing waits in ${queues.length} queues.`));
    return;
  }
  const numbers = ["lag", "pending"];
  by("queues").replaceChildren(
    el(
      "table",
      { class: "queues" },
      el("thead", {}, el("tr", {}, ["stream", "read by"].map((name) => el("th", { scope: "col" }, name)),
        [...numbers, "oldest"].map((name) => el("th", { scope: "col", class: "number" }, name)))),
      el("tbody", {}, waiting.map((queue) =>
        el("tr", {}, el("td", {}, queue.stream), el("td", {}, queue.group),
          numbers.map((name) => el("td", { class: "number" }, quantity(queue[name]))),
          el("td", { class: "number" }, `${Math.round(queue.oldest_seconds)} s`)))),
    ),
  );
}

export function dead({ streams }) {
  const found = Object.entries(streams);
  const node = by("dead");
  node.classList.toggle("bad", found.length > 0);
  say(node, found.length
    ? `dead letters: ${found.map(([stream, count]) => `${count} of ${stream}`).join(", ")}`
    : "no dead letters");
  node.title = found.length ? "osiris dead list shows why" : "";
}
