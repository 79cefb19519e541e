// How numbers and times are written.

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const units = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });

/** A price with digits enough for its size: 1.05123, 412.30. */
export const price = (value) => (value == null ? "–" : value.toFixed(digits(value)));

export const digits = (value) => (Math.abs(value) < 10 ? 5 : Math.abs(value) < 1000 ? 2 : 1);

export const cash = (value) => money.format(value);
export const signed = (value) => `${value < 0 ? "−" : value > 0 ? "+" : ""}${money.format(Math.abs(value))}`;
export const quantity = (value) => units.format(value);

/** A fraction as a percentage with a sign. */
export function percent(fraction, places = 2) {
  const text = (Math.abs(fraction) * 100).toFixed(places);
  return `${fraction < 0 && Number(text) ? "−" : fraction > 0 && Number(text) ? "+" : ""}${text} %`;
}

/** A moment of the market: UTC, to the minute. */
export const moment = (iso) => iso.slice(0, 16).replace("T", " ");

/** Unix seconds of an ISO time, as the charts take them. */
export const seconds = (iso) => Date.parse(iso) / 1000;

export const tone = (value) => (value > 0 ? "good" : value < 0 ? "bad" : "");
export const share = (value) => (value == null ? null : `${Number(value.toFixed(3))} %`);
