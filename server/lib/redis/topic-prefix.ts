/**
 * The prefix of topics. Keys of two databases of one Redis are separate, but a message that is published in one is received
 * in all: so the number of the database is in the name. No prefix has an `@`.
 */
export function topicPrefix(prefix: string, db: number): string {
  return db === 0 ? prefix : `${prefix}@${db}`;
}
