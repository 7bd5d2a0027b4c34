/** `0.4`, `12`, `1,234`, `56.7k`, `1.2M`. */
export function countText(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  if (value >= 10 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value < 0.05 ? "0" : value.toFixed(1);
}

/** `48 MiB`, `1.4 GiB`. */
export function bytesText(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1000 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

/** Busy cores as a percentage of one core: `3 %`, `180 %`. */
export function cpuText(cores: number): string {
  const percent = cores * 100;
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** The time of day, as the browser's language writes it. */
export function timeText(unixS: number): string {
  return new Date(unixS * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** `Connections 101 to 200 of 1,234.` @param page counted from 0, with a hundred connections each */
export function pageText(page: number, shown: number, total: number): string {
  if (total === 0) return "No open connections.";
  if (shown === total) return `${shown.toLocaleString("en")} ${shown === 1 ? "connection" : "connections"}.`;
  if (shown === 0) return `This page is empty by now. There are ${total.toLocaleString("en")} connections.`;
  const [from, to, all] = [page * 100 + 1, page * 100 + shown, total].map((it) => it.toLocaleString("en"));
  return `Connections ${from} to ${to} of ${all}.`;
}
