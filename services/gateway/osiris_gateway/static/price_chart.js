// Bars, and on them what was proposed, what was filled, and where stop and target lay.
import { by, colour, el, onTheme, say } from "./dom.js";
import { digits, moment, percent, price, quantity, seconds } from "./format.js";
import { painted, plot } from "./plot.js";

const MOST_BARS = 5000;
const LINES = ["stop", "target"];

/** One instrument: its bars, its marks, and its levels as they are now. */
class Instrument {
  bars = [];
  marks = new Map();
  levels = { stop: null, target: null };
  history = { stop: [], target: [] };

  add(bar) {
    const last = this.bars.at(-1);
    if (last && bar.time < last.time) return false;
    if (last?.time === bar.time) this.#pop();
    this.bars.push(bar);
    for (const name of LINES) {
      const level = this.levels[name];
      this.history[name].push(level === null ? { time: bar.time } : { time: bar.time, value: level });
    }
    if (this.bars.length > MOST_BARS) {
      this.bars.shift();
      for (const name of LINES) this.history[name].shift();
    }
    return true;
  }

  #pop() {
    this.bars.pop();
    for (const name of LINES) this.history[name].pop();
  }
}

export class PriceChart {
  constructor() {
    this.box = by("chart");
    this.instruments = new Map();
    this.shown = null;
    this.orders = new Map();
  }

  tick(tick) {
    const instrument = this.#of(tick.symbol);
    const bar = { time: seconds(tick.timestamp), open: tick.open, high: tick.high, low: tick.low, close: tick.close };
    if (!instrument.add(bar)) return;
    instrument.day = tick.timestamp.slice(0, 10) === instrument.today ? instrument.day : (instrument.close ?? tick.open);
    instrument.today = tick.timestamp.slice(0, 10);
    instrument.close = tick.close;
    this.#changed(tick.symbol);
  }

  /** A proposal at the last of its bars; called again when the gate's word is known. */
  proposal(id, symbol, at, proposal, verdict) {
    const time = seconds(at);
    const refused = verdict?.accepted === false;
    if (proposal.action === "pass" && !refused) return;
    const long = proposal.side === "LONG";
    const [shape, position] =
      proposal.side === null || refused
        ? ["square", "aboveBar"]
        : long
          ? ["arrowUp", "belowBar"]
          : ["arrowDown", "aboveBar"];
    const tint = refused ? "muted" : proposal.side === null ? "ink" : long ? "good" : "bad";
    this.#mark(symbol, `p${id}`, { time, shape, position, tint, size: refused ? 0.5 : 1 });
  }

  order(order) {
    this.orders.set(order.order_id, order);
    if (this.orders.size > 500) this.orders.delete(this.orders.keys().next().value);
  }

  fill(fill) {
    const order = this.orders.get(fill.order_id);
    const carried = order && (fill.reason === "order" || fill.reason === "protection");
    this.#level(fill.symbol, carried ? order.stop_price : null, carried ? order.target_price : null);
    if (!fill.quantity) return;
    const text = fill.reason === "order" ? "" : fill.reason;
    this.#mark(fill.symbol, `f${fill.order_id}${fill.reason}`, {
      time: seconds(fill.timestamp),
      shape: "circle",
      position: fill.side === "BUY" ? "belowBar" : "aboveBar",
      tint: "blue",
      size: 0.6,
      text,
    });
  }

  /** What the book says goes before what the fills said. */
  decision(decision) {
    if (decision.order) this.order(decision.order);
    const { stop_price: stop, target_price: target } = decision.book.position;
    this.#level(decision.symbol, stop, target);
    if (decision.proposal) {
      this.proposal(decision.run_id, decision.symbol, decision.bars.last, decision.proposal, decision.verdict);
    }
  }

  /** Draw what changed since. */
  flush() {
    if (!this.changed?.size) return;
    const instrument = this.instruments.get(this.shown);
    if (this.changed.has(this.shown)) {
      this.chart ?? this.#create();
      const { bars, drawn } = instrument;
      const added = drawn === undefined ? bars.length : bars.filter((bar) => bar.time >= drawn).length;
      if (added > 40 || drawn === undefined) this.#drawAll(instrument);
      else this.#drawLast(instrument, added);
      instrument.drawn = bars.at(-1)?.time;
      this.#drawMarks(instrument);
      this.#tell(instrument);
    }
    this.changed.clear();
  }

  #of(symbol) {
    let instrument = this.instruments.get(symbol);
    if (!instrument) {
      this.instruments.set(symbol, (instrument = new Instrument()));
      this.shown ??= symbol;
      this.#tabs();
    }
    return instrument;
  }

  #changed(symbol) {
    (this.changed ??= new Set()).add(symbol);
  }

  #mark(symbol, id, mark) {
    const { marks } = this.#of(symbol);
    marks.set(id, mark);
    if (marks.size > 600) marks.delete(marks.keys().next().value);
    this.#changed(symbol);
  }

  #level(symbol, stop, target) {
    const { levels } = this.#of(symbol);
    levels.stop = stop ?? null;
    levels.target = target ?? null;
    this.#changed(symbol);
  }

  #create() {
    by("chart-empty").hidden = true;
    this.chart = plot(this.box);
    const { LineStyle, LineType } = globalThis.LightweightCharts;
    this.series = painted(this.chart.addCandlestickSeries({ borderVisible: false }), () => ({
      upColor: colour("good"),
      wickUpColor: colour("good"),
      downColor: colour("bad"),
      wickDownColor: colour("bad"),
    }));
    const line = (tint) =>
      painted(
        this.chart.addLineSeries({
          lineWidth: 2,
          lineStyle: LineStyle.Dotted,
          lineType: LineType.WithSteps,
          priceLineVisible: false,
          crosshairMarkerVisible: false,
          autoscaleInfoProvider: (levels) => this.#near(levels()),
        }),
        () => ({ color: colour(tint) }),
      );
    this.lines = { stop: line("bad"), target: line("good") };
    onTheme(() => this.#drawMarks(this.instruments.get(this.shown)));
  }

  /** A level far away must not press the bars flat: the scale goes little beyond them. */
  #near(info) {
    const bars = this.instruments.get(this.shown).bars.slice(-120);
    if (!info?.priceRange || !bars.length) return null;
    const low = Math.min(...bars.map((bar) => bar.low));
    const high = Math.max(...bars.map((bar) => bar.high));
    const room = (high - low) / 5;
    const { minValue, maxValue } = info.priceRange;
    if (maxValue < low - room || minValue > high + room) return null;
    return { priceRange: { minValue: Math.max(minValue, low - room), maxValue: Math.min(maxValue, high + room) } };
  }

  #drawAll(instrument) {
    const last = instrument.bars.at(-1);
    if (!last) return;
    const format = { type: "price", precision: digits(last.close), minMove: 10 ** -digits(last.close) };
    this.series.applyOptions({ priceFormat: format });
    this.series.setData(instrument.bars);
    for (const name of LINES) {
      this.lines[name].applyOptions({ priceFormat: format });
      this.lines[name].setData(instrument.history[name]);
    }
    const bars = instrument.bars.length;
    this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(bars - 120, -2), to: bars + 4 });
  }

  #drawLast(instrument, count) {
    for (const bar of instrument.bars.slice(-count)) this.series.update(bar);
    for (const name of LINES) for (const point of instrument.history[name].slice(-count)) this.lines[name].update(point);
  }

  #drawMarks(instrument) {
    const first = instrument.bars[0]?.time ?? Infinity;
    const last = instrument.bars.at(-1)?.time ?? 0;
    const marks = [...instrument.marks.values()]
      .filter((mark) => mark.time >= first && mark.time <= last)
      .sort((one, other) => one.time - other.time)
      .map(({ tint, ...mark }) => ({ ...mark, color: colour(tint) }));
    this.series.setMarkers(marks);
    this.box.dataset.marks = marks.length;
    this.box.dataset.bars = instrument.bars.length;
  }

  #tell({ bars, close, day, levels }) {
    if (!bars.length) return;
    const change = day ? close / day - 1 : 0;
    say(by("quote-symbol"), this.shown);
    say(by("quote-price"), price(close));
    say(by("quote-change"), percent(change));
    by("quote-change").className = `quote-change ${change > 0 ? "good" : change < 0 ? "bad" : ""}`;
    const at = moment(new Date(bars.at(-1).time * 1000).toISOString());
    const protection = LINES.filter((name) => levels[name] !== null).map((name) => `${name} ${price(levels[name])}`);
    const text = [`${this.shown}, ${quantity(bars.length)} bars to ${at}`, `last ${price(close)}`, ...protection];
    this.box.setAttribute("aria-label", text.join(", "));
  }

  #tabs() {
    const tabs = by("symbols");
    tabs.hidden = this.instruments.size < 2;
    tabs.replaceChildren(
      ...[...this.instruments.keys()].map((symbol) =>
        el("button", {
          class: "tab",
          type: "button",
          "aria-pressed": String(symbol === this.shown),
          onclick: () => this.#show(symbol),
        }, symbol),
      ),
    );
  }

  #show(symbol) {
    this.shown = symbol;
    this.instruments.get(symbol).drawn = undefined;
    this.#tabs();
    this.#changed(symbol);
    this.flush();
  }
}
