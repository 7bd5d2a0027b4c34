import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";

/**
 * The folder of the program as the user named it, if symbolic links lead to it, such as `/srv/app/current`. A deployment
 * points the link to another release, and an upgrade then starts that one.
 *
 * @param {string} real the folder without symbolic links
 * @param {{ script: string | undefined, workingDirectory: string, shellDirectory: string | undefined }} named the script that
 *   was started, the working directory, and the same as the shell shows it (`PWD`)
 * @returns {string | undefined}
 */
export function linkedProgramFolder(real, { script, workingDirectory, shellDirectory }) {
  if (script === undefined) return undefined;
  try {
    // Only the shell knows by which links it came to the working directory.
    const isShown = shellDirectory !== undefined && realpathSync(shellDirectory) === workingDirectory;
    const isBelow = script.startsWith(workingDirectory + sep);
    let file = isShown && isBelow ? shellDirectory + script.slice(workingDirectory.length) : script;
    // A package manager links the script itself: node_modules/.bin/fanfare.
    while (lstatSync(file).isSymbolicLink()) file = resolve(dirname(file), readlinkSync(file));
    const folder = dirname(dirname(file));
    return folder !== real && realpathSync(folder) === real ? folder : undefined;
  } catch {
    return undefined; // The script was started in another way: it is found again at its real path.
  }
}
