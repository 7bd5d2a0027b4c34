/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {string} [license]
 * @property {boolean} [dev]
 * @property {boolean} [link]
 */

/**
 * The software bill of materials (CycloneDX 1.6, JSON) of the server: the packages that a production install has, and of the
 * runtimes only the one of the platform.
 *
 * @param {{ name: string, version: string, packages: Readonly<Record<string, LockedPackage>> }} lock package-lock.json
 * @param {string} [runtime] such as `@oven/bun-linux-x64`; without it, those of all platforms are listed
 */
export function makeSbom({ name, version, packages }, runtime) {
  const components = Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith("node_modules/") && !dev && !link)
    .map(([path, it]) => ({ ...it, name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length) }))
    .filter((it) => runtime === undefined || !it.name.startsWith("@oven/bun-") || it.name === runtime)
    .map((it) => ({
      type: "library",
      "bom-ref": purlOf(it.name, it.version),
      name: it.name,
      version: it.version,
      purl: purlOf(it.name, it.version),
      ...(it.license === undefined ? {} : { licenses: [{ expression: it.license }] }),
      ...(it.integrity === undefined ? {} : { hashes: [hashOf(it.integrity)] }),
    }));
  const self = purlOf(name, version);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": self, name, version, purl: self } },
    components,
    dependencies: [{ ref: self, dependsOn: components.map((it) => it["bom-ref"]) }],
  };
}

/**
 * A package URL. The `@` of a scope is percent-encoded.
 *
 * @param {string} name
 * @param {string | undefined} version
 */
function purlOf(name, version) {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

/** @param {string} integrity such as `sha512-` and base64 */
function hashOf(integrity) {
  const [algorithm = "", digest = ""] = integrity.split("-", 2);
  const content = Buffer.from(integrity.slice(algorithm.length + 1) || digest, "base64").toString("hex");
  return { alg: algorithm.replace(/^sha/, "SHA-"), content };
}
