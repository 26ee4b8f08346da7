/** Components of every section: charts with their table, tables, and a note for missing data. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { saveTable } from "./download";

export type Row = { key: string; cells: ComponentChildren[] };

interface TableProps {
  caption: string;
  columns: string[];
  rows: Row[];
  hidden?: boolean;
}

/** The first cell of a row is its heading; every other column is numeric. `hidden` hides the caption from sight only. */
export function Table({ caption, columns, rows, hidden = true }: TableProps) {
  const table = useRef<HTMLTableElement>(null);
  return (
    <>
      <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
        <table ref={table}>
          <caption class={hidden ? "unseen" : ""}>{caption}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, cells: [first, ...rest] }) => (
              <tr key={key}>
                <th scope="row">{first}</th>
                {rest.map((cell, index) => (
                  <td key={index}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Csv caption={caption} table={table} />
    </>
  );
}

export function Csv({ caption, table }: { caption: string; table: { current: HTMLTableElement | null } }) {
  return (
    <button
      class="save"
      aria-label={`Save as CSV: ${caption}`}
      onClick={() => table.current && saveTable(caption, table.current)}
    >
      CSV
    </button>
  );
}

const PHONE = "(max-width: 40rem)";

interface FoldProps {
  id: string;
  title: string;
  /** Opens the section and scrolls to it; the address may name one. */
  sought: boolean;
  children: ComponentChildren;
}

/** A section that folds; on a phone it starts folded. What is folded is not drawn. */
export function Fold({ id, title, sought, children }: FoldProps) {
  const [open, setOpen] = useState(sought || !matchMedia(PHONE).matches);
  useEffect(() => {
    if (sought) show(id);
  }, [sought]);
  return (
    <section aria-labelledby={id}>
      <details class="fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <h2 id={id}>{title}</h2>
        </summary>
        {open && children}
      </details>
    </section>
  );
}

/** Opens a section and goes to it. */
export function show(id: string): void {
  const heading = document.getElementById(id);
  heading?.closest("details")?.setAttribute("open", "");
  heading?.closest("section")?.scrollIntoView();
}

interface FigureProps {
  title: string;
  note?: string;
  table?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A chart under its title; one click or key shows the same figures as a table. */
export function Figure({ title, note, table, actions, children }: FigureProps) {
  return (
    <figure>
      <figcaption>
        <h3>{title}</h3>
        {note && <p>{note}</p>}
      </figcaption>
      {children}
      {actions}
      {table && (
        <details>
          <summary>The same as a table</summary>
          {table}
        </details>
      )}
    </figure>
  );
}

export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="nothing">{children}</p>;
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  choose: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, choose }: SelectProps<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value as T)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface IntervalProps {
  low: number;
  high: number;
  at: number;
  /** The values at the left and right edge. */
  from: number;
  to: number;
  /** The position of a thin line, for instance at no difference. */
  mark?: number;
}

/** A dot on its interval. Decoration: the figures are beside it. */
export function Interval({ low, high, at, from, to, mark }: IntervalProps) {
  const x = (value: number) => `${(Math.min(1, Math.max(0, (value - from) / (to - from || 1))) * 98 + 1).toFixed(2)}%`;
  return (
    <svg class="interval" aria-hidden="true">
      {mark !== undefined && <line class="mark" x1={x(mark)} x2={x(mark)} y1="0" y2="100%" />}
      <line class="range" x1={x(low)} x2={x(high)} y1="50%" y2="50%" />
      <circle cx={x(at)} cy="50%" r="5" />
    </svg>
  );
}
