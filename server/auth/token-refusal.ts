import { type ErrorCode, ServiceError } from "../../protocol/errors.ts";

/** A token is not accepted. If it has the right signature, it is known whose it is: traces tell an operator so. */
export class TokenRefusal extends ServiceError {
  /** Undefined if the signature is wrong or was not checked. */
  readonly userId: string | undefined;

  constructor(code: ErrorCode, message: string, userId: string | undefined) {
    super(code, message);
    this.userId = userId;
  }
}
