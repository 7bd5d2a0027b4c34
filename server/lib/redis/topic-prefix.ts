/**
 * What topics begin with. Keys of two databases of one Redis are apart, but whatever is published in one is heard in all:
 * so the number of the database is in the name. No prefix has an `@`.
 */
export function topicPrefix(prefix: string, db: number): string {
  return db === 0 ? prefix : `${prefix}@${db}`;
}
