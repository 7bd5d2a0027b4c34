/** An error that the server answers. */
export class Refusal extends Error {
  override readonly name = "ReplyError";
}
