import { watch } from "node:fs";
import { join } from "node:path";

/** The source folders, and the settings files in the root. */
const folders = ["bin", "protocol", "server", "client", "web"];
const isSetting = (/** @type {string} */ name) => /^(\.env|fanfare\.config\.\w+)$/.test(name);
const isSource = (/** @type {string} */ name) =>
  /\.(js|ts|tsx|css|html|svg)$/.test(name) && !/\.test\.tsx?$/.test(name);

/** Changes within this many milliseconds count as one, because editors and tools often write several files at once. */
const settleMs = 100;

/**
 * @typedef {object} Sources
 * @property {() => Promise<string>} next resolves with the name of a changed file, once no more files change
 * @property {() => void} close
 */

/** @returns {Sources} */
export function watchSources() {
  /** @type {((name: string) => void) | undefined} */
  let report;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const onChange = (/** @type {string} */ name) => {
    clearTimeout(timer);
    timer = setTimeout(() => report?.(name), settleMs);
  };
  const watchers = [
    ...folders.map((folder) =>
      watch(folder, { recursive: true }, (_, name) => name !== null && isSource(name) && onChange(join(folder, name))),
    ),
    watch(".", (_, name) => name !== null && isSetting(name) && onChange(name)),
  ];
  return {
    next: () =>
      new Promise((resolve) => {
        report = resolve;
      }),
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
