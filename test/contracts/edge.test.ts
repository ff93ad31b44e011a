import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type CloudflareZone, createCloudflareZone } from '../../src/adapters/cloudflare.ts'
import { PermanentError } from '../../src/errors.ts'
import type { Budget, Rule } from '../../src/ports.ts'
import { type SimulatedCloudflare, startCloudflare } from '../../src/simulator/cloudflare.ts'

const free: Budget = { take: async () => undefined, close: async () => undefined }
const { TEST_CLOUDFLARE_TOKEN: realToken, TEST_CLOUDFLARE_ZONE_ID: realZone } = process.env

describe('an edge, at the simulated Cloudflare', () => {
  let cloudflare: SimulatedCloudflare
  before(async () => {
    cloudflare = await startCloudflare()
  })
  after(() => cloudflare.close())
  edgeContract(() =>
    createCloudflareZone({
      apiUrl: cloudflare.url,
      token: cloudflare.token,
      zone: { name: 'shop', id: cloudflare.zones[0]?.id ?? '' },
      budget: free,
    }),
  )
})

describe('an edge, at Cloudflare itself', { skip: !(realToken && realZone) }, () => {
  const zone = (): CloudflareZone =>
    createCloudflareZone({
      apiUrl: 'https://api.cloudflare.com/client/v4',
      token: realToken ?? '',
      zone: { name: 'shop', id: realZone ?? '' },
      budget: free,
    })
  let original: readonly Rule[] = []
  before(async () => {
    original = (await zone().read())?.rules ?? []
  })
  after(async () => {
    await zone().write(original)
  })
  edgeContract(zone)
})

/** Every rule that it makes matches a documentation address only, and what was there stays in front. */
function edgeContract(make: () => CloudflareZone): void {
  const ours = (expression: string): Rule => ({
    action: 'block',
    description: 'portcullis contract',
    ref: 'portcullis_contract',
    expression,
  })
  const others = async (edge: CloudflareZone): Promise<Rule[]> =>
    ((await edge.read())?.rules ?? []).filter((rule) => rule.ref !== 'portcullis_contract')
  const put = async (edge: CloudflareZone, expression: string) =>
    edge.write([...(await others(edge)), ours(expression)])

  it('answers a write with what is there afterwards, and reads the same', async () => {
    const edge = make()
    const written = await put(edge, '(ip.src in {192.0.2.1})')
    assert.equal(written.rules.at(-1)?.expression, '(ip.src in {192.0.2.1})')
    assert.deepEqual(await edge.read(), written)
  })

  it('raises the version by one with every write', async () => {
    const edge = make()
    const first = await put(edge, '(ip.src in {192.0.2.1})')
    const second = await put(edge, '(ip.src in {192.0.2.1 192.0.2.2})')
    assert.equal(second.version, first.version + 1)
  })

  it('keeps ids, refs and fields of rules that are sent back as they were read', async () => {
    const edge = make()
    const before = await put(edge, '(ip.src in {192.0.2.1})')
    const after = await edge.write(before.rules)
    assert.deepEqual(after.rules, before.rules)
  })

  it('finds a rule again by its ref, so that its id stays', async () => {
    const edge = make()
    const first = await put(edge, '(ip.src in {192.0.2.1})')
    const second = await put(edge, '(ip.src in {192.0.2.2})')
    assert.equal(second.rules.at(-1)?.id, first.rules.at(-1)?.id)
  })

  it('gives back a kept version, and null for one that never was', async () => {
    const edge = make()
    const first = await put(edge, '(ip.src in {192.0.2.1})')
    await put(edge, '(ip.src in {192.0.2.2})')
    assert.deepEqual((await edge.version(first.version))?.rules, first.rules)
    assert.equal(await edge.version(999_999), null)
  })

  it('changes nothing by a dry run', async () => {
    const edge = make()
    const before = await put(edge, '(ip.src in {192.0.2.1})')
    await edge.dryRun([...(await others(edge)), ours('(ip.src in {192.0.2.9})')])
    assert.deepEqual(await edge.read(), before)
  })

  it('refuses for good an expression that cannot be read, in a dry run and in a write, and changes nothing', async () => {
    const edge = make()
    const before = await put(edge, '(ip.src in {192.0.2.1})')
    const broken = [...(await others(edge)), ours('(ip.src in {192.0.2.1')]
    await assert.rejects(edge.dryRun(broken), (error) => error instanceof PermanentError && /parse/.test(error.message))
    await assert.rejects(edge.write(broken), PermanentError)
    assert.deepEqual(await edge.read(), before)
  })

  it('refuses for good an expression that is too long, and a blank one', async () => {
    const edge = make()
    const long = `(ip.src in {${Array.from({ length: 256 }, (_, n) => `198.51.100.${n} 203.0.113.${n}`).join(' ')}})`
    await assert.rejects(edge.dryRun([...(await others(edge)), ours(long)]), PermanentError)
    await assert.rejects(edge.dryRun([...(await others(edge)), ours('')]), PermanentError)
  })

  it('takes a rule out that is no longer sent', async () => {
    const edge = make()
    await put(edge, '(ip.src in {192.0.2.1})')
    const left = await others(edge)
    assert.deepEqual((await edge.write(left)).rules, left)
  })

  it('has a token that works, and a zone that can be probed without a new version', async () => {
    const edge = make()
    const before = await put(edge, '(ip.src in {192.0.2.1})')
    await edge.verifyToken()
    assert.equal((await edge.probe())?.version, before.version)
    assert.equal((await edge.read())?.version, before.version)
  })
}
