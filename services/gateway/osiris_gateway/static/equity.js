// The book's value beside what buying and holding would have made of it, and how far it is below its best.
import { by, colour, say } from "./dom.js";
import { cash, percent, seconds } from "./format.js";
import { painted, plot } from "./plot.js";

const MOST_POINTS = 5000;

export class Equity {
  points = [];
  changed = false;

  decision(decision) {
    const time = seconds(decision.bars.last);
    const point = { time, nav: decision.book.nav, close: decision.bars.close, symbol: decision.symbol };
    if (this.points.length && time <= this.points.at(-1).time) {
      if (time < this.points.at(-1).time) return; // a second instrument's bars lie a little behind
      this.points.pop();
    }
    this.points.push(point);
    if (this.points.length > MOST_POINTS) this.points.shift();
    this.changed = true;
  }

  flush() {
    if (!this.changed || !this.points.length) return;
    this.changed = false;
    this.chart ?? this.#create();
    const [first] = this.points;
    const held = this.points.filter((point) => point.symbol === first.symbol);
    this.desk.setData(this.points.map(({ time, nav }) => ({ time, value: nav })));
    this.hold.setData(held.map(({ time, close }) => ({ time, value: (first.nav * close) / first.close })));
    this.chart.timeScale().fitContent();
    this.#tell(first, held.at(-1));
  }

  #create() {
    by("equity-empty").hidden = true;
    this.chart = plot(by("equity"));
    const { LineStyle } = globalThis.LightweightCharts;
    const line = (options, tint) =>
      painted(this.chart.addLineSeries({ priceLineVisible: false, ...options }), () => ({ color: colour(tint) }));
    this.hold = line({ lineWidth: 1, lineStyle: LineStyle.Dashed, lastValueVisible: false }, "muted");
    this.desk = line({ lineWidth: 2 }, "accent");
    this.#toggle(by("curve-desk"), this.desk);
    this.#toggle(by("curve-hold"), this.hold);
  }

  #toggle(button, series) {
    button.addEventListener("click", () => {
      const visible = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(visible));
      series.applyOptions({ visible });
    });
  }

  #tell(first, held) {
    let best = -Infinity;
    let worst = 0;
    let now = 0;
    for (const { nav } of this.points) {
      best = Math.max(best, nav);
      now = nav / best - 1;
      worst = Math.min(worst, now);
    }
    const last = this.points.at(-1);
    const gain = percent(last.nav / first.nav - 1, 3);
    const market = percent(held.close / first.close - 1, 3);
    say(by("drawdown"), `drawdown ${percent(now, 3)}, worst ${percent(worst, 3)}`);
    by("equity").setAttribute("aria-label", `Equity ${cash(last.nav)}, ${gain}; buy and hold ${market}`);
    by("equity").title = `desk ${gain}, buy and hold ${market}`;
  }
}
