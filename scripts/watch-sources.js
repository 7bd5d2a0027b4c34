import { watch } from "node:fs";
import { join } from "node:path";

/** The source folders, and the settings files in the root. */
const folders = ["bin", "protocol", "server", "client", "web"];
const isSetting = (/** @type {string} */ name) => /^(\.env|fanfare\.config\.\w+)$/.test(name);
const isSource = (/** @type {string} */ name) =>
  /\.(js|ts|tsx|css|html|svg)$/.test(name) && !/\.test\.tsx?$/.test(name);

/** Changes within this many milliseconds are one: editors and tools often write several files at once. */
const settleMs = 100;

/**
 * @typedef {object} Sources
 * @property {() => Promise<string>} next resolves with the name of a file that has changed since, once it is quiet again
 * @property {() => void} close
 */

/** @returns {Sources} */
export function watchSources() {
  /** @type {((name: string) => void) | undefined} */
  let tell;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const note = (/** @type {string} */ name) => {
    clearTimeout(timer);
    timer = setTimeout(() => tell?.(name), settleMs);
  };
  const watchers = [
    ...folders.map((folder) =>
      watch(folder, { recursive: true }, (_, name) => name !== null && isSource(name) && note(join(folder, name))),
    ),
    watch(".", (_, name) => name !== null && isSetting(name) && note(name)),
  ];
  return {
    next: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
