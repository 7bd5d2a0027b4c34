/** The settings of each storage. `directory` is an empty directory for this server. */
export const storages = {
  memory: () => ({}),
  sqlite: (directory: string) => ({ DATA_DIR: directory }),
  workers: () => ({ WORKERS: "2" }),
} as const satisfies Record<string, (directory: string) => Readonly<Record<string, string>>>;

export type StorageName = keyof typeof storages;
