/** TLS errors that a certificate authority would mend, as Node and OpenSSL name them. */
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNREFUSED: 'it refuses the connection',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  UND_ERR_SOCKET: 'it broke the connection',
  UND_ERR_ABORTED: 'the call was broken off',
  UND_ERR_CONNECT_TIMEOUT: 'it did not accept the connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its answer broke off',
  ETIMEDOUT: 'it did not answer in time',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  EPROTO: 'it does not speak TLS there (http in place of https?)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there (http in place of https?)',
}

/** Why a call got no answer, in words that complete "X cannot be reached: …". `caVariable` names the setting for a private CA. */
export function whyUnreachable(error: unknown, caVariable: string | null = null): string {
  const code = codeOf(error)
  if (UNTRUSTED.has(code)) {
    const mend = caVariable ? `; set ${caVariable} to the file of the authority that signed it` : ''
    return `its certificate is not trusted (${code})${mend}`
  }
  if (isTimeout(error)) return 'it did not answer in time'
  const words = WORDS[code]
  return words ? `${words} (${code})` : code || 'the connection failed'
}

/** True when the other side broke the connection, so that a call which changes nothing may be made again at once. */
export function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error))
}

export function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')
}

/** The code that an error or one of its causes carries, '' when there is none. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0])
  }
  return ''
}
