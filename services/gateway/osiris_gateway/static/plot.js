// Charts in the page's colours (Lightweight Charts, loaded before the modules).
import { colour, onTheme } from "./dom.js";

const { createChart, CrosshairMode } = globalThis.LightweightCharts;

/** A chart in `box` that follows its size and the colours of the page. */
export function plot(box, options = {}) {
  const chart = createChart(box, {
    autoSize: true,
    rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.1 } },
    crosshair: { mode: CrosshairMode.Magnet },
    timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, minBarSpacing: 0.5 },
    handleScale: { axisPressedMouseMove: true },
    handleScroll: { vertTouchDrag: false }, // a finger scrolls the page
    ...options,
  });
  const paint = () =>
    chart.applyOptions({
      layout: {
        background: { color: "transparent" },
        textColor: colour("muted"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 12,
      },
      grid: { vertLines: { color: colour("line") }, horzLines: { color: colour("line") } },
      rightPriceScale: { borderColor: colour("line") },
      timeScale: { borderColor: colour("line") },
    });
  paint();
  onTheme(paint);
  return chart;
}

/** Give a series its options now, and anew whenever the colours change. */
export function painted(series, options) {
  const paint = () => series.applyOptions(options());
  paint();
  onTheme(paint);
  return series;
}
