/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import type { Dashboard } from "./dashboard.ts";
import { useRequest } from "./form.tsx";
import { Table } from "./table.tsx";

interface ScheduleReport {
  readonly id: string;
  readonly state: "active" | "paused" | "finished";
  readonly at?: string;
  readonly delay_s?: number;
  readonly every_s?: number;
  readonly cron?: string;
  readonly tz?: string;
  readonly next: readonly string[];
  readonly last: { readonly fired_at: string; readonly result: string } | null;
}

/** Lists the schedules, and pauses, resumes, triggers or deletes them. */
export function Schedules({ dashboard: { api } }: { readonly dashboard: Dashboard }) {
  const [found, setFound] = useState<readonly ScheduleReport[] | undefined>(undefined);
  const { problem, run } = useRequest();
  const load = async () =>
    setFound((await api.get<{ schedules: readonly ScheduleReport[] }>("v1/schedules")).schedules);
  const act = (id: string, action: Action) =>
    void run(async () => {
      const path = `v1/schedules/${encodeURIComponent(id)}`;
      if (action !== "delete") await api.post(`${path}/${action}`);
      else if (confirm(`Delete the schedule ${id}?`)) await api.delete(path);
      await load();
    });
  return (
    <section aria-labelledby="schedules">
      <h2 id="schedules">Schedules</h2>
      <div class="line">
        <button type="button" onClick={() => void run(load)}>
          {found === undefined ? "Show schedules" : "Refresh"}
        </button>
      </div>
      <p role="alert">{problem}</p>
      {found?.length === 0 && <p class="hint">No schedules.</p>}
      {found !== undefined && found.length > 0 && <ScheduleTable found={found} onAct={act} />}
    </section>
  );
}

type Action = "pause" | "resume" | "trigger" | "delete";

interface ScheduleTableProps {
  readonly found: readonly ScheduleReport[];
  readonly onAct: (id: string, action: Action) => void;
}

const columns = ["Schedule", "State", "When", "Next", "Last", "Actions"];

function ScheduleTable({ found, onAct }: ScheduleTableProps) {
  return (
    <Table label="Schedules found" columns={columns} hasTexts>
      {found.map((it) => (
        <tr key={it.id}>
          <th scope="row">{it.id}</th>
          <td>{it.state}</td>
          <td>{timingText(it)}</td>
          <td>{dateText(it.next[0])}</td>
          <td>{it.last === null ? "–" : `${it.last.result}, ${dateText(it.last.fired_at)}`}</td>
          <td class="buttons">
            {actionsOf(it).map((action) => (
              <button
                key={action}
                type="button"
                class="quiet"
                aria-label={`${action} ${it.id}`}
                onClick={() => onAct(it.id, action)}
              >
                {action}
              </button>
            ))}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function actionsOf({ state }: ScheduleReport): readonly Action[] {
  if (state === "finished") return ["delete"];
  return [state === "paused" ? "resume" : "pause", "trigger", "delete"];
}

function timingText({ at, delay_s, every_s, cron, tz }: ScheduleReport): string {
  if (cron !== undefined) return tz === undefined ? cron : `${cron} (${tz})`;
  if (every_s !== undefined) return `every ${every_s} s`;
  return delay_s === undefined ? `at ${dateText(at)}` : `after ${delay_s} s`;
}

function dateText(iso: string | undefined): string {
  return iso === undefined ? "–" : new Date(iso).toLocaleString();
}
