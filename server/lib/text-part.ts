/** Where a part of a text ends that begins at `from` and has about `length` characters. Never splits a surrogate pair. */
export function partEnd(text: string, from: number, length: number): number {
  const end = from + length;
  if (end >= text.length) return text.length;
  const unit = text.charCodeAt(end - 1);
  const isPairSplit = unit >= 0xd800 && unit < 0xdc00;
  return isPairSplit ? end + 1 : end;
}
