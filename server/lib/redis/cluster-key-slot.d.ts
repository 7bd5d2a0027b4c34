declare module "cluster-key-slot" {
  /** The hash slot of a key. */
  // biome-ignore lint/style/noDefaultExport: it is how the package is made.
  export default function calculateSlot(key: string): number;
}
