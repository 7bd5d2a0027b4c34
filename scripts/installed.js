import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, link?: boolean }} LockedPackage */

/**
 * Whether the installed npm packages are those in package-lock.json.
 *
 * Compares versions, not file times, because a checkout or a copy changes file times. An unnecessary `npm ci` would do harm:
 * it removes all packages first, also those of servers and tests that run in this folder.
 *
 * @param {string} folder the root of the checkout
 * @param {{ forDevelopment: boolean }} options a server does not need the packages for development
 */
export function isInstalled(folder, { forDevelopment }) {
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const installed = packagesOf(join(folder, "node_modules", ".package-lock.json"));
  return [...wanted].every(([path, { version, dev, optional }]) => {
    if (dev === true && !forDevelopment) return true;
    const found = installed.get(path);
    // Packages for other platforms are optional, and npm does not install them.
    return found === undefined ? optional === true : found.version === version;
  });
}

/**
 * Whether packages for development are installed, which a developer who only starts the server would not want to lose.
 *
 * @param {string} folder the root of the checkout
 */
export function isForDevelopment(folder) {
  const installed = packagesOf(join(folder, "node_modules", ".package-lock.json"));
  return [...installed.values()].some(({ dev }) => dev === true);
}

/**
 * @param {string} file a lock file of npm
 * @returns {ReadonlyMap<string, LockedPackage>} by path, without the project itself and the SDK: nothing in the checkout imports
 *   the SDK by its package name
 */
function packagesOf(file) {
  /** @type {{ packages?: Record<string, LockedPackage> }} */
  const { packages = {} } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return new Map(Object.entries(packages).filter(([path, { link }]) => path.startsWith("node_modules/") && !link));
}
