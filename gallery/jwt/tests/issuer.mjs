// An issuer on the package `oidc-provider`. Arguments: its folder, the port, the identifier of its key, the algorithm.
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [folder, port, kid, alg] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

const pair = alg === 'ES256'
  ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  : generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...pair.privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };

const server = (audience) => ({
  scope: 'read write',
  audience,
  accessTokenTTL: 3600,
  accessTokenFormat: 'jwt',
  jwt: { sign: { alg } },
});
const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [jwk] },
  clients: [{
    client_id: 'robot',
    client_secret: 'secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: alg,
    scope: 'read write',
  }],
  scopes: ['read', 'write'],
  formats: {
    customizers: {
      jwt(context, token, { payload }) {
        if (payload.aud.endsWith('/expired')) payload.exp -= 7200;
      },
    },
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (context, resource) => server(resource),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
