/** Makes files of what the page shows: a table as CSV, a chart as PNG or SVG. Must not make requests. */

/** Saves a file with a readable name: "Lift by context" → lift-by-context.csv. */
export function save(title: string, ending: string, content: Blob): void {
  const name = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = `${name}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

export function saveTable(title: string, table: HTMLTableElement): void {
  save(title, "csv", new Blob([csv(table)], { type: "text/csv;charset=utf-8" }));
}

/** RFC 4180: numbers as spreadsheets read them, without thousands' commas, real minus signs and plus signs. */
export function csv(table: HTMLTableElement): string {
  const rows = [...table.rows].filter((row) => !row.classList.contains("inset"));
  return rows.map((row) => [...row.cells].map((cell) => quoted(plain(written(cell)))).join(",") + "\r\n").join("");
}

function written(cell: HTMLTableCellElement): string {
  const copy = cell.cloneNode(true) as HTMLElement;
  copy.querySelectorAll("[aria-hidden]").forEach((decoration) => decoration.remove());
  return copy.textContent?.trim() ?? "";
}

function plain(text: string): string {
  const number = text.replaceAll(",", "").replace("−", "-");
  return /^[+-]?\d+(\.\d+)?( %)?$/.test(number) ? number.replace("+", "").replace(" %", "%") : text;
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The bars of one moment, as a chart that `savePicture` takes. */
export function barChart(bars: { name: string; written: string; length: number; colour: string }[]): HTMLCanvasElement {
  const [scale, wide, row] = [devicePixelRatio, 640, 28];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [wide * scale, bars.length * row * scale];
  const pen = canvas.getContext("2d")!;
  pen.scale(scale, scale);
  pen.font = "14px system-ui";
  bars.forEach(({ name, written, length, colour }, index) => {
    pen.fillStyle = colour;
    pen.fillRect(180, index * row + 6, length * (wide - 260), 16);
    pen.fillStyle = getComputedStyle(document.body).color;
    pen.textAlign = "left";
    pen.fillText(name, 12, index * row + 19);
    pen.textAlign = "right";
    pen.fillText(written, wide - 12, index * row + 19);
  });
  return canvas;
}

/** A drawn chart with its title above and its series below, on the page's own background. */
export function savePicture(
  title: string,
  canvas: HTMLCanvasElement,
  series: { name: string; colour: string }[],
): void {
  const [scale, line] = [devicePixelRatio, 24 * devicePixelRatio];
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [canvas.width, canvas.height + 3 * line];
  const pen = picture.getContext("2d")!;
  const page = getComputedStyle(document.body);
  pen.fillStyle = page.backgroundColor;
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.font = `${14 * scale}px system-ui`;
  pen.fillStyle = page.color;
  pen.fillText(title, line / 2, line);
  pen.drawImage(canvas, 0, 1.5 * line);
  let x = line / 2;
  for (const { name, colour } of series) {
    pen.fillStyle = colour;
    pen.fillText(`■ ${name}`, x, picture.height - line / 2);
    x += pen.measureText(`■ ${name}`).width + line;
  }
  picture.toBlob((content) => content && save(title, "png", content));
}
