/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";

interface TableProps {
  /** The caption of the table, for screen readers. */
  readonly label: string;
  readonly columns: readonly ComponentChildren[];
  /** Whether the columns are texts, which start on the left. */
  readonly hasTexts?: boolean;
  /** The rows. */
  readonly children: ComponentChildren;
}

/** A table that scrolls sideways where it is too wide for the screen. */
export function Table({ label, columns, hasTexts = false, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and some browsers do not make scrollable elements focusable
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table class={hasTexts ? "texts" : ""}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
