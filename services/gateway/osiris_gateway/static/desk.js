// The desk: one feed, and the parts of the page that each take their events from it.
import { Book } from "./book.js";
import { Controls } from "./controls.js";
import { Cycles } from "./cycles.js";
import { by, say } from "./dom.js";
import { Equity } from "./equity.js";
import { askForKey, headers, onKey } from "./gateway.js";
import * as health from "./health.js";
import { PriceChart } from "./price_chart.js";
import { Sound } from "./sound.js";

const chart = new PriceChart();
const equity = new Equity();
const book = new Book(chart);
const cycles = new Cycles();
const controls = new Controls();
new Sound();

/** What each kind of event does. */
const PARTS = {
  tick: (tick) => [chart, book].forEach((part) => part.tick(tick)),
  order: (order) => chart.order(order),
  fill: (execution) => {
    if (execution.kind === "fill") [chart, book].forEach((part) => part.fill(execution));
    cycles.fill(execution);
  },
  proposal: (created) => {
    cycles.proposal(created);
    if (created.bars) chart.proposal(created.transaction_id, created.proposal.ticker, created.bars.last, created.proposal, created.verdict);
  },
  critique: (piece) => cycles.critique(piece),
  assessed: (assessed) => cycles.assessed(assessed),
  decision: (decision) => [cycles, chart, book, equity].forEach((part) => part.decision(decision)),
  spoken: (spoken) => cycles.spoken(spoken),
  feedback: (feedback) => cycles.given(feedback),
  control: (status) => controls.control(status),
  services: health.services,
  versions: health.versions,
  lag: health.lag,
  dead: health.dead,
  dropped: ({ ticks, pieces }) =>
    say(by("dropped"), ticks + pieces ? `This page was too slow for ${ticks} bars and ${pieces} pieces of critiques. · ` : ""),
  live: () => {
    cycles.live = true;
    link("live");
  },
};

let due = 0;
const counts = document.documentElement.dataset; // for tests, and for whoever doubts that none came twice

function draw() {
  due = 0;
  for (const part of [chart, equity, book]) part.flush();
}

function take(events) {
  for (const { kind, data, id } of events) {
    if (id) counts.events = Number(counts.events ?? 0) + 1;
    PARTS[kind]?.(JSON.parse(data));
  }
  // a hidden page gets no frames; it draws when it is looked at
  if (events.length) due ||= requestAnimationFrame(draw);
}

const WORDS = { connecting: "connecting", history: "catching up", live: "live", away: "reconnecting" };

function link(state, error) {
  by("link").dataset.state = state;
  say(by("link-text"), WORDS[state]);
  by("link").title = error?.message ?? "";
  controls.enable(state === "live");
}

const feed = new globalThis.osiris.Follower({
  url: () => "/stream/desk",
  headers,
  onEvents: take,
  onState: (state, error) => {
    if (state === "away" && [401, 403].includes(error?.status)) askForKey(error.message);
    link(state === "open" ? "history" : state, error);
  },
});

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close(""));
}
onKey(() => feed.retry());
feed.run();
