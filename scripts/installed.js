import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ version?: string, dev?: boolean, optional?: boolean }} LockedPackage */

/**
 * Whether the npm packages of a checkout are the ones that its package-lock.json names.
 *
 * Versions decide, not the times of files. A checkout or a copy gives files new times, and `npm ci` removes everything
 * first: started without need, it would take the packages away from servers and tests that run from this folder.
 *
 * @param {string} folder the root of the checkout
 * @param {{ forDevelopment: boolean }} options a server alone needs no packages for development
 */
export function isInstalled(folder, { forDevelopment }) {
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const installed = packagesOf(join(folder, "node_modules", ".package-lock.json"));
  return [...wanted].every(([path, { version, dev, optional }]) => {
    if (dev === true && !forDevelopment) return true;
    const found = installed.get(path);
    // Those of other platforms are optional, and stay away.
    return found === undefined ? optional === true : found.version === version;
  });
}

/**
 * @param {string} file written by npm
 * @returns {ReadonlyMap<string, LockedPackage>} by path in the folder; without the project itself
 */
function packagesOf(file) {
  /** @type {{ packages?: Record<string, LockedPackage> }} */
  const { packages = {} } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return new Map(Object.entries(packages).filter(([path]) => path !== ""));
}
