// Amazon Cognito, as a browser speaks to it.

import { Offline } from "./api.js";
import { shop } from "./shop.js";

/** What Cognito refuses, in plain words. `code` is Cognito's name for it. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

const WORDS = {
  UserNotConfirmedException: "This account is not confirmed yet. Enter the code we mailed you.",
  CodeMismatchException: "That is not the code we mailed you. Look again, or ask for a new one.",
  ExpiredCodeException: "That code is no longer valid. Ask for a new one.",
  UserNotFoundException: "There is no account with this e-mail.",
  UsernameExistsException:
    "There is an account with this e-mail already. Log in, or choose a new password there.",
  InvalidPasswordException: "Choose another password: at least 8 characters.",
  LimitExceededException: "That was tried too often. Wait a few minutes, then try again.",
  TooManyRequestsException: "Too many people are at it just now. Try again in a moment.",
  TooManyFailedAttemptsException: "That was tried too often. Wait a few minutes, then try again.",
  CodeDeliveryFailureException: "We could not send the mail. Check the address.",
  PasswordResetRequiredException: "This account needs a new password. Choose “Forgotten password”.",
  PasswordHistoryPolicyViolationException: "Choose a password that you have not used before.",
};

/**
 * Asks Cognito for one of its actions, without a library: JSON over POST. The client's id is added.
 *
 * Answers what it says. Throws Refused, and Offline without a network.
 */
export async function cognito(action, body) {
  const { cognito: pool } = await shop();
  let answer;
  try {
    answer = await fetch(pool.url, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify("AccessToken" in body ? body : { ClientId: pool.clientId, ...body }),
      cache: "no-store",
    });
  } catch {
    throw new Offline();
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw refusal(
    String(told.__type ?? "")
      .split("#")
      .pop(),
    told.message ?? told.Message ?? "",
  );
}

function refusal(code, message) {
  const failed = !code || code === "InternalErrorException";
  const plain =
    code === "NotAuthorizedException"
      ? /attempts exceeded/i.test(message)
        ? WORDS.LimitExceededException
        : "E-mail or password is not right."
      : WORDS[code];
  const words = plain ?? (failed ? "Something went wrong on our side. Try again." : message);
  const error = new Refused(code || "InternalErrorException", words);
  error.cause = message;
  return error;
}
