import { NOTICE_KINDS, type Notice, noticeOf } from '../core/notice.ts'
import type { Notifier } from '../ports.ts'
import { callOutside } from './notify-call.ts'
import { createTemplates } from './templates.ts'

export interface NotifyOptions {
  /** May hold a token in its path or query, and a user and password: none of it gets into a message of ours. */
  readonly url: string
  /** A Liquid template that sees `notice`; what is JSON once it is rendered is sent as JSON. */
  readonly body: string
  /** For one call, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number
}

/** One POST for each message. Throws where the template could never be rendered. */
export function createNotifier({ url, body, timeoutMs = 10_000 }: NotifyOptions): Notifier {
  const templates = createTemplates()
  const render = (notice: Notice) => templates.render(body, { notice })
  check(render, () => templates.check(body))
  return {
    async send(notice) {
      const text = render(notice)
      // A template may want some kinds only.
      if (text.trim() === '') return
      const type = isJson(text) ? 'application/json' : 'text/plain; charset=utf-8'
      await callOutside({ name: 'NOTIFY_URL', url, method: 'POST', type, body: text, timeoutMs })
    },
  }
}

/** A message of each kind, with what breaks JSON that was put together by hand. */
export function sampleNotices(now: Date): Notice[] {
  return NOTICE_KINDS.map((kind) => {
    const subjects = kind === 'failed' ? ['a1b2c3'] : ['203.0.113.7', '2001:db8::/64']
    const detail = 'nasty: "quotes" \\ back\\slash\nline \u2028 {{ braces }} <!channel> & `code` \u{1F525}'
    const gathered = { kind, edges: new Set(['shop "1"']), subjects: new Set(subjects), uncounted: 30 }
    return noticeOf({ ...gathered, details: new Set([detail]) }, 2, now)
  })
}

function check(render: (notice: Notice) => string, paths: () => readonly (readonly unknown[])[]): void {
  try {
    const strange = paths().find(([root]) => root !== 'notice')
    if (strange) throw new Error(`it asks for ${String(strange[0])}; a template sees \`notice\` alone`)
    const rendered = sampleNotices(new Date(0)).map(render)
    // What looks like JSON is meant as JSON: values without `| json` break it as soon as one has a quote or a line end.
    const broken = rendered.find((text) => /^\s*[{[]/.test(text) && !isJson(text))
    if (broken !== undefined)
      throw new Error('what it makes is not JSON; write {{ notice.text | json }}, without quotes')
  } catch (error) {
    throw new Error(`NOTIFY_BODY cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
