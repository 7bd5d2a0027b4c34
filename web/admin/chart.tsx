/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Series } from "./last-hour.ts";
import { timeText } from "./number-text.ts";

const width = 300;
const height = 64;

interface ChartProps {
  readonly title: string;
  readonly series: Series;
  readonly text: (value: number) => string;
}

/** The last hour of one figure as a line. Pointing at it, or the arrow keys, show the value at a time. */
export function Chart({ title, series: { at, values }, text }: ChartProps) {
  const [chosen, choose] = useState<number | undefined>(undefined);
  const top = Math.max(...values, 0);
  const index = chosen === undefined ? values.length - 1 : Math.min(chosen, values.length - 1);
  const shown = values[index];
  const time = at[index];
  const first = at[0] ?? 0;
  const span = Math.max(1, (at.at(-1) ?? 0) - first);
  const x = (time: number) => ((time - first) / span) * width;
  const y = (value: number) => height - 2 - (top === 0 ? 0 : (value / top) * (height - 6));
  const points = values.map((value, n) => `${x(at[n] ?? 0).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const point = (event: PointerEvent & { readonly currentTarget: Element }) => {
    const { left, width: drawn } = event.currentTarget.getBoundingClientRect();
    choose(nearest(at, first + ((event.clientX - left) / drawn) * span));
  };
  const step = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") choose(Math.max(0, index - 1));
    else if (event.key === "ArrowRight") choose(Math.min(values.length - 1, index + 1));
    else if (event.key === "Escape") choose(undefined);
    else return;
    event.preventDefault();
  };
  const value = shown === undefined ? "no samples yet" : text(shown);
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <b>{value}</b>
      </figcaption>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${title}, last hour`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, values.length - 1)}
        aria-valuenow={Math.max(0, index)}
        aria-valuetext={time === undefined ? value : `${value} at ${timeText(time)}`}
        onPointerMove={point}
        onPointerLeave={() => choose(undefined)}
        onBlur={() => choose(undefined)}
        onKeyDown={step}
      >
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          <line class="base" x1="0" y1={height - 1} x2={width} y2={height - 1} />
          {values.length > 1 && <polygon class="area" points={`0,${height} ${points} ${width},${height}`} />}
          {values.length > 1 && <polyline class="line" points={points} />}
          {chosen !== undefined && time !== undefined && (
            <line class="mark" x1={x(time)} y1="0" x2={x(time)} y2={height} />
          )}
        </svg>
      </div>
      <p class="scale">
        <span>
          {at.length === 0 ? "The first sample takes 10 s." : timeText(chosen === undefined ? first : (time ?? 0))}
        </span>
        <span>max {text(top)}</span>
      </p>
    </figure>
  );
}

/** The index of the time that is nearest. */
function nearest(at: readonly number[], time: number): number {
  let found = 0;
  at.forEach((it, index) => {
    if (Math.abs(it - time) < Math.abs((at[found] ?? 0) - time)) found = index;
  });
  return found;
}
