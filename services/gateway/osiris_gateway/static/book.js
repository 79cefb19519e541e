// What the desk holds: as its last decision said, and what was filled since.
import { by, el, say } from "./dom.js";
import { cash, percent, price, quantity, signed, tone } from "./format.js";

/** A position after a fill. */
function filled({ quantity: units, average_cost: cost, ...levels }, fill, order) {
  const change = fill.quantity * (fill.side === "BUY" ? 1 : -1) || 0;
  const left = Math.round((units + change) * 1e10) / 1e10;
  const closed = change * units < 0 ? Math.min(Math.abs(change), Math.abs(units)) : 0;
  const grown = left && (units * cost + change * fill.price) / left;
  const average = left * units <= 0 ? (left ? fill.price : 0) : Math.abs(left) > Math.abs(units) ? grown : cost;
  if (order && left) levels = { stop_price: order.stop_price, target_price: order.target_price };
  else if (!left) levels = { stop_price: null, target_price: null };
  return { change, gain: Math.sign(units) * closed * (fill.price - cost), position: { quantity: left, average_cost: average, ...levels } };
}

export class Book {
  /** @param {{orders: Map}} chart knows the orders. */
  constructor(chart) {
    this.chart = chart;
    this.book = null;
  }

  decision({ symbol, book, bars }) {
    Object.assign(this, { symbol, book, price: bars.close, changed: true });
    this.dayBegan = book.nav - book.daily_pnl;
  }

  fill(fill) {
    if (!this.book || fill.symbol !== this.symbol) return;
    const carried = ["order", "protection"].includes(fill.reason) && this.chart.orders.get(fill.order_id);
    const { change, gain, position } = filled(this.book.position, fill, carried);
    this.book = {
      ...this.book,
      position,
      cash: this.book.cash - change * fill.price - fill.fee,
      fees: this.book.fees + fill.fee,
      realised_pnl: this.book.realised_pnl + gain - fill.fee,
    };
    this.changed = true;
  }

  tick({ symbol, close }) {
    if (symbol !== this.symbol) return;
    this.price = close;
    this.changed = true;
  }

  flush() {
    if (!this.changed || !this.book) return;
    this.changed = false;
    const { book, symbol, price: last } = this;
    const held = book.position;
    const value = book.cash + held.quantity * last;
    const open = held.quantity * (last - held.average_cost);
    const side = held.quantity > 0 ? "long" : held.quantity < 0 ? "short" : "flat";
    say(by("book-side"), held.quantity ? `${side} ${symbol}` : "flat");
    by("book-side").className = `chip ${side === "long" ? "good" : side === "short" ? "bad" : ""}`;
    const away = (level) => (level == null ? "none" : `${price(level)} (${percent(level / last - 1)})`);
    const none = "–";
    const facts = [
      ["Value", cash(value)],
      ["Today", signed(value - this.dayBegan), tone(value - this.dayBegan)],
      ["Realised", signed(book.realised_pnl), tone(book.realised_pnl)],
      ["Open gain", held.quantity ? signed(open) : none, tone(open)],
      ["Units", held.quantity ? quantity(held.quantity) : none],
      ["Entry", held.quantity ? price(held.average_cost) : none],
      ["Stop", held.quantity ? away(held.stop_price) : none],
      ["Target", held.quantity ? away(held.target_price) : none],
      ["Fees", cash(book.fees)],
      ["Cash", cash(book.cash)],
    ];
    by("book").replaceChildren(
      ...facts.map(([name, told, mood]) => el("div", {}, el("dt", {}, name), el("dd", { class: mood || null }, told))),
    );
  }
}
