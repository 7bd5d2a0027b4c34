/** @jsxImportSource preact */
import { machinesOf, nameWithin } from "./figures.ts";
import type { ProcessReport, Selection } from "./last-hour.ts";
import { timeText } from "./number-text.ts";

interface ProcessSelectProps {
  readonly processes: readonly ProcessReport[];
  readonly selection: Selection;
  readonly onSelect: (selection: Selection) => void;
}

/** Chooses whose last hour is shown. Processes that have ended within it can be chosen, too. */
export function ProcessSelect({ processes, selection, onSelect }: ProcessSelectProps) {
  const machines = machinesOf(processes);
  const hasMachines = machines.length > 1;
  const value = JSON.stringify(selection);
  return (
    <label class="inline">
      Of{" "}
      <select value={value} onChange={(event) => onSelect(JSON.parse(event.currentTarget.value) as Selection)}>
        <option value="{}">all processes</option>
        {machines.map(({ node, processes: those }) =>
          hasMachines ? (
            <optgroup key={node} label={node ?? ""}>
              <option value={JSON.stringify({ node })}>all of {node}</option>
              {those.map(option)}
            </optgroup>
          ) : (
            those.map(option)
          ),
        )}
      </select>
    </label>
  );
}

function option(process: ProcessReport) {
  const { id, ended, at } = process;
  const until = ended ? `, ended about ${timeText(at.at(-1) ?? 0)}` : "";
  return (
    <option key={id} value={JSON.stringify({ process: id })}>
      {nameWithin(process)}
      {until}
    </option>
  );
}
