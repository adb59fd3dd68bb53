// The shopper's session: accounts and tokens, spoken about with Cognito directly. What Cognito
// refuses is thrown as an error with its `code` and plain words.
//
// Tokens are kept in localStorage, so that every tab has the same session. What else belongs to the
// shopper alone is kept under keys that begin with MINE, and goes with the session.

const KEY = "tbs.session";
const MINE = "tbs.mine.";

/** An ID token is renewed when it has less than this left. Milliseconds. */
const EARLY = 60_000;

const listeners = new Set();

/** Calls `listener(who)` whenever someone logs in or out, in this tab or another. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) tell();
});

/** Who is logged in: {sub, email, name, groups}. Null: nobody. */
export function who() {
  const session = load();
  const claims = session && claimsOf(session.idToken);
  if (!claims) return null;
  const groups = claims["cognito:groups"] ?? [];
  return {
    sub: claims.sub,
    email: claims.email,
    name: claims.name ?? null,
    groups: Array.isArray(groups) ? groups : String(groups).split(/[\s,]+/),
  };
}

/**
 * An ID token that is valid for a while, or null when nobody is logged in (any more).
 * `renew` asks for another one, whatever the clock says. Throws Offline without a network.
 */
export async function token({ renew = false } = {}) {
  const session = await fresh(renew);
  return session ? session.idToken : null;
}

/** Makes an account. A code is mailed to `email`, see confirm(). */
export async function signUp(email, password) {
  await cognito("SignUp", {
    Username: email,
    Password: password,
    UserAttributes: [{ Name: "email", Value: email }],
  });
}

/** Confirms an account by the mailed code. One that is confirmed already is as good. */
export async function confirm(email, code) {
  try {
    await cognito("ConfirmSignUp", { Username: email, ConfirmationCode: code });
  } catch (error) {
    const done = /status is CONFIRMED/i.test(error.cause ?? "");
    if (!done) throw error;
  }
}

/** Mails another code. */
export async function resend(email) {
  await cognito("ResendConfirmationCode", { Username: email });
}

/** Logs in. Refused with `UserNotConfirmedException` asks for the code first. */
export async function logIn(email, password) {
  const answer = await cognito("InitiateAuth", {
    AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: email, PASSWORD: password },
  });
  if (!answer.AuthenticationResult) {
    throw refused(answer.ChallengeName, "This account cannot log in here. Please write to us.");
  }
  keep(answer.AuthenticationResult, null);
  return who();
}

/** Logs out here and now. The refresh token is revoked, if there is a network. */
export async function logOut() {
  const session = load();
  forgetMine();
  localStorage.removeItem(KEY);
  tell();
  if (!session?.refreshToken) return;
  try {
    await cognito("RevokeToken", { Token: session.refreshToken });
  } catch {
    // It ends by itself in time.
  }
}

/** Mails a code for a new password. */
export async function forgot(email) {
  await cognito("ForgotPassword", { Username: email });
}

/** Sets a new password by the mailed code. */
export async function reset(email, code, password) {
  await cognito("ConfirmForgotPassword", {
    Username: email,
    ConfirmationCode: code,
    Password: password,
  });
}

/** Changes the password of who is logged in. */
export async function changePassword(old, password) {
  const session = await fresh(false);
  if (!session) throw refused("NotAuthorizedException", "Log in first.");
  try {
    await cognito("ChangePassword", {
      AccessToken: session.accessToken,
      PreviousPassword: old,
      ProposedPassword: password,
    });
  } catch (error) {
    if (error.code !== "NotAuthorizedException") throw error;
    throw refused(error.code, "The present password is not right.");
  }
}

/** The path to go on to from here: `?next=` when it is one of this shop's own, else `otherwise`. */
export function onward(otherwise = "/") {
  const next = new URLSearchParams(location.search).get("next");
  if (!next?.startsWith("/") || /[\\\u0000-\u001f]/.test(next)) return otherwise;
  const url = new URL(next, location.origin);
  return url.origin === location.origin ? url.pathname + url.search + url.hash : otherwise;
}

/** Goes to the log-in page, from which the shopper comes back to `next`. */
export function toLogIn(next = location.pathname + location.search) {
  location.replace(`/log-in?next=${encodeURIComponent(next)}`);
}

function load() {
  try {
    const session = JSON.parse(localStorage.getItem(KEY));
    return session?.idToken ? session : null;
  } catch {
    return null;
  }
}

function keep(result, before) {
  const session = {
    idToken: result.IdToken,
    accessToken: result.AccessToken,
    refreshToken: result.RefreshToken ?? before?.refreshToken ?? null,
    expiresAt: Date.now() + result.ExpiresIn * 1000,
  };
  localStorage.setItem(KEY, JSON.stringify(session));
  tell();
  return session;
}

const refused = (code, message) => Object.assign(new Error(message), { code });

/** Asks Cognito, whose module is loaded when it is needed first. */
async function cognito(action, body) {
  return (await import("./cognito.js")).cognito(action, body);
}

async function fresh(renew) {
  const seen = load();
  if (!seen || (!renew && lasts(seen))) return seen;
  return alone(async () => {
    const session = load();
    const another = session?.idToken !== seen.idToken;
    if (!session || (another && lasts(session))) return session;
    return refresh(session);
  });
}

async function refresh(session) {
  try {
    const answer = await cognito("InitiateAuth", {
      AuthFlow: "REFRESH_TOKEN_AUTH",
      AuthParameters: { REFRESH_TOKEN: session.refreshToken },
    });
    // Who logged out, or in as someone else, meanwhile is not brought back.
    return load()?.idToken === session.idToken
      ? keep(answer.AuthenticationResult, session)
      : load();
  } catch (error) {
    const over = ["NotAuthorizedException", "UserNotFoundException", "InvalidParameterException"];
    if (!over.includes(error.code)) throw error;
    if (load()?.idToken === session.idToken) {
      localStorage.removeItem(KEY);
      tell();
    }
    return null;
  }
}

let line = Promise.resolve();

/** Runs `work` alone: in this tab, and among all tabs where the browser has locks. */
function alone(work) {
  if (navigator.locks) return navigator.locks.request(KEY, work);
  const turn = line.then(work);
  line = turn.catch(() => null);
  return turn;
}

const lasts = (session) => session.expiresAt - Date.now() > EARLY;

function tell() {
  const now = who();
  for (const listener of listeners) listener(now);
}

function forgetMine() {
  for (const store of [localStorage, sessionStorage]) {
    for (const key of Object.keys(store)) if (key.startsWith(MINE)) store.removeItem(key);
  }
}

/** The claims of a token. It is read, not checked: that is the API's business. */
function claimsOf(jwt) {
  try {
    const body = jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

// On every page of someone who ordered, what becomes of the order is looked after: its toys go back
// into the cart if the card is declined.
if (who() && (localStorage.getItem(`${MINE}ordered`)?.length ?? 0) > 2) {
  import("./ordered.js").then(({ watch }) => watch());
}
