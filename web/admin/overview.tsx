/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { Chart } from "./chart.tsx";
import type { Dashboard } from "./dashboard.ts";
import { type LiveRow, totalOf } from "./figures.ts";
import { bytesText, countText, cpuText } from "./number-text.ts";

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

/** The figures of now and of the last hour, of the whole server or of one process. */
export function Overview({ dashboard }: { readonly dashboard: Dashboard }) {
  const [process, choose] = useState<string | undefined>(undefined);
  const rows = dashboard.rows.value;
  const known = rows.some(({ id }) => id === process) ? process : undefined;
  return (
    <>
      <section aria-labelledby="now">
        <h2 id="now">Now</h2>
        <Processes rows={rows} />
      </section>
      <section aria-labelledby="hour">
        <div class="title">
          <h2 id="hour">Last hour</h2>
          {rows.length > 1 && (
            <label class="inline">
              Of{" "}
              <select value={known ?? ""} onChange={(event) => choose(event.currentTarget.value || undefined)}>
                <option value="">all processes</option>
                {rows.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
        <Charts dashboard={dashboard} process={known} />
      </section>
    </>
  );
}

function Charts({ dashboard, process }: { readonly dashboard: Dashboard; readonly process: string | undefined }) {
  void dashboard.hourVersion.value; // drawn again with each answer
  const { lastHour } = dashboard;
  const refusals = lastHour.refusals(process);
  return (
    <>
      <div class="charts">
        {charts
          .map(([title, figure, text]) => ({ title, text, figure, series: lastHour.series(figure, process) }))
          // A process without clients has no traffic.
          .filter(({ series }) => process === undefined || series.at.length > 0)
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

const optional = (value: number | undefined) => (value === undefined ? "–" : countText(value));

function Processes({ rows }: { readonly rows: readonly LiveRow[] }) {
  const shown = rows.length > 1 ? [totalOf(rows), ...rows] : rows;
  return (
    <section class="scroll" aria-label="Processes">
      <table>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <th scope="col">Connections</th>
            <th scope="col">Messages/s</th>
            <th scope="col">Deliveries/s</th>
            <th scope="col">Slow</th>
            <th scope="col">CPU</th>
            <th scope="col">Memory</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.id} class={row.id === "all" ? "total" : ""}>
              <th scope="row">{row.name}</th>
              <td class={row.status === "healthy" ? "good" : "bad"}>{row.status}</td>
              <td>{optional(row.connections)}</td>
              <td>{optional(row.messagesPerS)}</td>
              <td>{optional(row.deliveriesPerS)}</td>
              <td>{optional(row.slow)}</td>
              <td>{cpuText(row.cpu)}</td>
              <td>{bytesText(row.memoryBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
