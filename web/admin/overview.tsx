/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { Chart } from "./chart.tsx";
import type { Dashboard } from "./dashboard.ts";
import type { LastHour, Selection } from "./last-hour.ts";
import { bytesText, countText, cpuText } from "./number-text.ts";
import { ProcessSelect } from "./process-select.tsx";
import { ProcessTable } from "./process-table.tsx";

const charts = [
  ["Connections", "connections", countText],
  ["Messages/s", "messages_per_s", countText],
  ["Deliveries/s", "deliveries_per_s", countText],
  ["CPU", "cpu_cores", cpuText],
  ["Memory", "memory_bytes", bytesText],
  ["Slow connections", "slow_connections", countText],
  ["Lagging subscriptions", "lagging", countText],
  ["Gaps/s", "gaps_per_s", countText],
  ["Refusals/s", "refusals_per_s", countText],
] as const;

/** The figures of now and of the last hour, of the whole server, of a machine or of one process. */
export function Overview({ dashboard }: { readonly dashboard: Dashboard }) {
  const [chosen, choose] = useState<Selection>({});
  void dashboard.hourVersion.value; // drawn again with each answer
  const { lastHour } = dashboard;
  const { processes } = lastHour;
  const isThere = processes.some(({ id, node }) => id === chosen.process || (chosen.node ?? "") === node);
  const selection = isThere ? chosen : {};
  return (
    <>
      <section aria-labelledby="now">
        <h2 id="now">Now</h2>
        <ProcessTable rows={dashboard.rows.value} />
      </section>
      <section aria-labelledby="hour">
        <div class="title">
          <h2 id="hour">Last hour</h2>
          {processes.length > 1 && <ProcessSelect processes={processes} selection={selection} onSelect={choose} />}
        </div>
        <Charts lastHour={lastHour} selection={selection} />
      </section>
    </>
  );
}

function Charts({ lastHour, selection }: { readonly lastHour: LastHour; readonly selection: Selection }) {
  const refusals = lastHour.refusals(selection);
  return (
    <>
      <div class="charts">
        {charts
          .map(([title, figure, text]) => ({ title, text, figure, series: lastHour.series(figure, selection) }))
          // A process without clients has no traffic.
          .filter(({ series }) => selection.process === undefined || series.at.length > 0)
          .map(({ figure, ...chart }) => (
            <Chart key={figure} {...chart} />
          ))}
      </div>
      <p class="hint">
        {refusals.length === 0
          ? "Nothing was refused in the last hour."
          : `Refused in the last hour: ${refusals.map(([code, count]) => `${code} ${countText(count)}`).join(", ")}.`}
      </p>
    </>
  );
}
