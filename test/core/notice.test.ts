import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Gathered, gather, type Happening, NOTICE_KINDS, type Notice, noticeOf } from '../../src/core/notice.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const happening = (changes: Partial<Happening>): Happening => ({
  ...{ kind: 'ban', edge: 'shop', subjects: ['203.0.113.7'], detail: '' },
  ...changes,
})
const noticed = (...happenings: Happening[]): Notice => {
  let gathered: Gathered | undefined
  for (const each of happenings) gathered = gather(gathered, each)
  return noticeOf(gathered as Gathered, 0, NOW)
}
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `198.51.${n >> 8}.${n & 255}`)

describe('a message', () => {
  it('about a ban has the exact command that undoes it', () => {
    const notice = noticed(happening({}))
    equal(notice.title, 'Banned 203.0.113.7 at shop')
    equal(notice.text, 'Banned 203.0.113.7 at shop\nportcullis unban 203.0.113.7')
    deepEqual(notice.commands, ['portcullis unban 203.0.113.7'])
  })

  it('about one address on two edges is about one ban', () => {
    const notice = noticed(happening({}), happening({ edge: 'blog' }))
    equal(notice.title, 'Banned 203.0.113.7 at blog, shop')
    equal(notice.count, 1)
  })

  it('about a thousand bans names twenty and counts the rest', () => {
    const notice = noticed(happening({ subjects: numbered(1500) }))
    equal(notice.title, 'Banned 1500 addresses at shop')
    equal(notice.addresses.length, 20)
    match(notice.text, / and 1480 more\nportcullis unban 198\.51\.0\.0 .* 198\.51\.0\.19\nportcullis bans$/)
  })

  it('never shows what is no address, and still counts it', () => {
    const notice = noticed(happening({ kind: 'quota-spent', subjects: ['<!channel> $(reboot)', '203.0.113.7'] }))
    deepEqual(notice.addresses, ['203.0.113.7'])
    equal(notice.count, 2)
    ok(!notice.text.includes('reboot'))
  })

  it('about alerts that failed says how to try again, without ids that a shell would take for something else', () => {
    const failed = (...ids: string[]) =>
      noticed(happening({ kind: 'failed', edge: '', subjects: ids, detail: 'no route' }))
    deepEqual(failed('a1', 'b2').commands, ['portcullis replay a1 b2'])
    deepEqual(failed('a1', 'b2; rm -rf').commands, ['portcullis replay --failed'])
    deepEqual(failed('--all').commands, ['portcullis replay --failed'])
    match(failed('a1').text, /Gave up on 1 alert\nno route\n/)
  })

  it('says how many before it were lost', () => {
    const text = noticeOf(gather(undefined, happening({})), 3, NOW).text
    match(text, /\n\(3 earlier messages could not be delivered; see the log\)$/)
  })

  it('is of bounded size whatever happened, and its commands are whole', () => {
    const anything = fc.record({
      kind: fc.constantFrom(...NOTICE_KINDS),
      edge: fc.string({ maxLength: 63 }),
      subjects: fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 60 }),
      detail: fc.string({ maxLength: 3000, unit: 'binary' }),
    })
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 6 }), fc.nat(9), (happenings, lost) => {
        const kind = happenings[0]?.kind ?? 'ban'
        let gathered: Gathered | undefined
        for (const each of happenings) gathered = gather(gathered, { ...each, kind })
        const notice = noticeOf(gathered as Gathered, lost, NOW)
        ok(notice.text.length <= 1500, String(notice.text.length))
        ok(notice.title.length <= 100 && notice.text.isWellFormed())
        for (const command of notice.commands) ok(notice.text.includes(command))
      }),
    )
  })
})
