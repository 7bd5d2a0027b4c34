/** A process as `GET /v1/nodes` reports it. */
export interface NodeReport {
  readonly id: string;
  readonly name: string;
  /** The machine, if there are several. */
  readonly node?: string;
  readonly status: string;
  readonly [metric: string]: string | number | undefined;
}

/** The figures of a process, or of all of them together. */
export interface LiveRow {
  readonly id: string;
  readonly name: string;
  readonly node: string | undefined;
  readonly status: string;
  /** Undefined for a process without clients, as are the other figures of its traffic. */
  readonly connections: number | undefined;
  readonly messagesPerS: number | undefined;
  readonly deliveriesPerS: number | undefined;
  readonly slow: number | undefined;
  /** Busy cores. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

/** The answer of `GET /v1/nodes`, and when it came. */
export interface NodesAt {
  readonly nodes: readonly NodeReport[];
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
}

/** The rows of all processes. Rates are measured between two answers; a process that is new has none yet. */
export function rowsOf(before: NodesAt | undefined, now: NodesAt): readonly LiveRow[] {
  const earlier = new Map(before?.nodes.map((it) => [it.id, it]));
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000;
  return now.nodes.map((node) => {
    const rate = (...names: readonly string[]) => {
      const known = earlier.get(node.id);
      if (known === undefined || seconds <= 0) return 0;
      const grown = names.reduce((sum, name) => sum + numberOf(node[name]) - numberOf(known[name]), 0);
      return Math.max(0, grown) / seconds;
    };
    const hasClients = node.active_connections !== undefined;
    return {
      id: node.id,
      name: nameWithin(node),
      node: node.node,
      status: node.status,
      connections: hasClients ? numberOf(node.active_connections) : undefined,
      messagesPerS: hasClients ? rate("publications_total") : undefined,
      deliveriesPerS: hasClients ? rate("deliveries_total", "pumped_total") : undefined,
      slow: hasClients ? numberOf(node.slow_connections) : undefined,
      cpu: rate("cpu_seconds_total"),
      memoryBytes: numberOf(node.memory_bytes),
    };
  });
}

/** The name of a process without that of its machine, `worker 2`; that of a machine's only process is `server`. */
export function nameWithin({ name, node }: Pick<NodeReport, "name" | "node">): string {
  if (node === undefined || !name.startsWith(node)) return name;
  return name.slice(node.length).trim() || "server";
}

/** Processes of one machine. */
export interface Machine<T> {
  /** Undefined if the processes name none. */
  readonly node: string | undefined;
  readonly processes: readonly T[];
}

/** The processes by machine, in the order of its name. */
export function machinesOf<T extends { readonly node?: string | undefined }>(
  processes: readonly T[],
): readonly Machine<T>[] {
  return [...Map.groupBy(processes, ({ node }) => node)]
    .map(([node, those]) => ({ node, processes: those }))
    .toSorted((a, b) => (a.node ?? "").localeCompare(b.node ?? "", "en", { numeric: true }));
}

/** The sums of these rows. */
export function totalOf(rows: readonly LiveRow[], name = "all"): LiveRow {
  const sum = (read: (row: LiveRow) => number | undefined) => rows.reduce((total, row) => total + (read(row) ?? 0), 0);
  return {
    id: `all of ${name}`,
    name,
    node: undefined,
    status: rows.some(({ status }) => status !== "healthy") ? "draining" : "healthy",
    connections: sum((it) => it.connections),
    messagesPerS: sum((it) => it.messagesPerS),
    deliveriesPerS: sum((it) => it.deliveriesPerS),
    slow: sum((it) => it.slow),
    cpu: sum((it) => it.cpu),
    memoryBytes: sum((it) => it.memoryBytes),
  };
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
