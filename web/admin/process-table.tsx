/** @jsxImportSource preact */
import { type LiveRow, type Machine, machinesOf, totalOf } from "./figures.ts";
import { bytesText, countText, cpuText } from "./number-text.ts";
import { Table } from "./table.tsx";

const columns = ["Process", "State", "Connections", "Messages/s", "Deliveries/s", "Slow", "CPU", "Memory"];

/** The current figures of each process, with sums of each machine and of the whole server. */
export function ProcessTable({ rows }: { readonly rows: readonly LiveRow[] }) {
  const machines = machinesOf(rows);
  return (
    <Table label="Processes" columns={columns}>
      {rows.length > 1 && <Row row={totalOf(rows)} kind="total" />}
      {machines.length > 1 ? machines.map((it) => <MachineRows key={it.node} machine={it} />) : rows.map(plainRow)}
    </Table>
  );
}

function MachineRows({ machine: { node = "", processes } }: { readonly machine: Machine<LiveRow> }) {
  return (
    <>
      <Row row={totalOf(processes, node)} kind="machine" />
      {processes.length > 1 && processes.map((row) => <Row key={row.id} row={row} kind="part" />)}
    </>
  );
}

const plainRow = (row: LiveRow) => <Row key={row.id} row={row} kind="process" />;

interface RowProps {
  readonly row: LiveRow;
  readonly kind: "total" | "machine" | "part" | "process";
}

function Row({ row, kind }: RowProps) {
  return (
    <tr class={kind}>
      <th scope="row">{row.name}</th>
      <td class={row.status === "healthy" ? "good" : "bad"}>{row.status}</td>
      <td>{optional(row.connections)}</td>
      <td>{optional(row.messagesPerS)}</td>
      <td>{optional(row.deliveriesPerS)}</td>
      <td>{optional(row.slow)}</td>
      <td>{cpuText(row.cpu)}</td>
      <td>{bytesText(row.memoryBytes)}</td>
    </tr>
  );
}

const optional = (value: number | undefined) => (value === undefined ? "–" : countText(value));
