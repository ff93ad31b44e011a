import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { createElasticsearchClient } from '../../src/adapters/elasticsearch.ts'
import { proxyFor } from '../../src/adapters/http-dispatcher.ts'

const PROXIES = { https: 'http://secure:1', http: 'http://plain:2', no: null }

describe('the proxy on the way out', () => {
  const through = (url: string, no: string | null = null, proxies = PROXIES) => proxyFor(url, { ...proxies, no })

  it('is the one for the kind of address', () => {
    assert.equal(through('https://elastic.example'), 'http://secure:1')
    assert.equal(through('http://elastic.example:9200'), 'http://plain:2')
    assert.equal(through('https://elastic.example', null, { ...PROXIES, https: null as never }), 'http://plain:2')
    assert.equal(through('http://elastic.example', null, { ...PROXIES, http: null as never }), null)
  })

  it('is not taken where NO_PROXY names the host, its domain, or everything', () => {
    for (const no of [
      'elastic.example',
      'example',
      '.example',
      '*.example',
      '*',
      'a.b, elastic.example',
      'elastic.example:9200',
      'ELASTIC.EXAMPLE',
    ])
      assert.equal(through('https://elastic.example:9200', no), null, no)
    assert.equal(through('https://[2001:db8::1]:9200', '2001:db8::1'), null)
    assert.equal(through('https://[2001:db8::1]:9200', '[2001:db8::1]:9200'), null)
    for (const no of ['elastic.example:9201', 'lastic.example', '*.elastic.example', 'elastic', ''])
      assert.equal(through('https://elastic.example:9200', no), 'http://secure:1', no)
  })

  it('is never taken to this machine', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]']) assert.equal(through(`http://${host}:9200`), null)
  })

  it('is what the client of Elasticsearch goes through, and only then', async (t) => {
    const asked: string[] = []
    const server = createServer().on('connect', (req, socket) => {
      asked.push(String(req.url))
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const url = `http://elastic.invalid:9200`
    const proxy = { https: null, http: `http://127.0.0.1:${port}`, no: null }
    const make = (no: string | null) =>
      createElasticsearchClient({ url, apiKey: 'key', caFile: null, spaces: [], proxy: { ...proxy, no } })
    const [direct, through] = [make('elastic.invalid'), make(null)]
    t.after(() => {
      server.closeAllConnections()
      server.close()
      return Promise.all([direct.close(), through.close()])
    })
    await assert.rejects(direct.info())
    assert.deepEqual(asked, [])
    await assert.rejects(through.info())
    assert.deepEqual(asked, ['elastic.invalid:9200'])
  })
})
