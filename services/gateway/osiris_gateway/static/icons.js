// Small drawings.
const SVG = "http://www.w3.org/2000/svg";

/** A thumb, up or down. */
export function thumb(way) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M3 9h3v8H3z M6 10l3.4-6.400c1.500 0 2 1 1.700 2.200L10.500 9H15c1.200 0 1.900 1 1.600 2.100l-1.200 4.600c-.2.800-.9 1.300-1.700 1.300H6");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("class", `thumb ${way}`);
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(path);
  return drawing;
}
