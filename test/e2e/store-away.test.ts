import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { startWorld } from '../../src/simulator/world.ts'
import { atEnd, startService } from '../support/service.ts'
import { type StoreConfig, withStores } from '../support/stores.ts'
import { until } from '../support/stores-jobs.ts'

withStores((kind, place) => {
  describe(`a store that goes away (${kind})`, { skip: kind === 'embedded' && 'it lives in the process' }, () => {
    it('is answered with 503 and Retry-After, and all is well once it is back', { timeout: 150_000 }, async (t) => {
      const world = await startWorld()
      atEnd(t, () => world.close())
      const line = await startLine(place.config())
      atEnd(t, () => line.cut())
      const service = await startService(world, line.config)
      atEnd(t, () => service.stop())
      const before = world.alerts.add({ sourceIp: '203.0.113.10' })
      assert.equal((await service.post(world.webhook([before]))).status, 202)
      await until(() => world.alerts.status(before) === 'acknowledged')

      await line.cut()
      const during = world.alerts.add({ sourceIp: '203.0.113.11' })
      const { status, headers } = await service.post(world.webhook([during]))
      assert.equal(status, 503)
      assert.match(String(headers.get('retry-after')), /^\d+$/)

      await line.mend()
      await until(async () => (await service.post(world.webhook([during]))).status === 202)
      await until(() => world.alerts.status(during) === 'acknowledged', 40_000)
    })
  })
})

/** A wire to the store that a test can cut. */
async function startLine({ store, dataDir }: StoreConfig) {
  if (store.kind === 'embedded') throw new Error('There is no wire to the embedded store')
  const target = new URL(store.url)
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    const far = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  await listen(0)
  const { port } = server.address() as { port: number }
  const url = new URL(store.url)
  url.port = String(port)
  return {
    config: { store: { kind: store.kind, url: url.href }, dataDir } as StoreConfig,
    async cut() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
    /** Somebody else may have the port for a moment: a connection that goes out has one, too. */
    mend: () =>
      until(() =>
        listen(port).then(
          () => true,
          () => false,
        ),
      ),
  }
}
