/** @jsxImportSource preact */
import { Table } from "./table.tsx";

/** A connection as `GET /v1/connections` reports it. */
export interface ConnectionReport {
  readonly id: string;
  readonly user_id?: string;
  readonly remote: string;
  readonly connected_at: string;
  readonly channels: readonly string[];
  readonly is_lagging: boolean;
}

const columns = ["Connection", "User", "Address", "Since", "Channels", "Close"];

interface ConnectionTableProps {
  readonly connections: readonly ConnectionReport[];
  readonly onClose: (id: string) => void;
}

/** Lists connections, with a button that closes one. */
export function ConnectionTable({ connections, onClose }: ConnectionTableProps) {
  return (
    <Table label="Connections found" columns={columns} hasTexts>
      {connections.map((it) => (
        <tr key={it.id}>
          <th scope="row">{it.id}</th>
          <td>{it.user_id ?? "–"}</td>
          <td>{it.remote}</td>
          <td>{new Date(it.connected_at).toLocaleString()}</td>
          <td>
            {it.channels.join(", ")}
            {it.is_lagging && " (lagging)"}
          </td>
          <td>
            <button type="button" class="quiet" aria-label={`Close ${it.id}`} onClick={() => onClose(it.id)}>
              Close
            </button>
          </td>
        </tr>
      ))}
    </Table>
  );
}
