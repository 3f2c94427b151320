// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An object store for tests: s3rver, which checks signatures by itself, and what it leaves out of S3's rules and an uploader
 * can get wrong: whose key it is and that a session token belongs to it, the digest of each body, ETags and sizes when
 * parts are put together, the end of an upload that is given up, a clock that is wrong, credentials that may only write.
 *
 *     node server.js OPTIONS.json
 *
 * OPTIONS: modules (folder of node_modules), directory, address, port, key and cert (files; none: no TLS), endpoint, buckets,
 * accounts [{id, secret, token}], writeOnly, clock (seconds that it is ahead), log (file: a line of JSON for each request).
 * Prints "ready PORT".
 */
'use strict';

const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const { createRequire } = require('module');
const { AsyncLocalStorage } = require('async_hooks');

const options = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const RealDate = Date;

if (options.clock) {
  global.Date = class extends RealDate {
    constructor(...args) {
      super(...(args.length ? args : [RealDate.now() + options.clock * 1000]));
    }

    static now() {
      return RealDate.now() + options.clock * 1000;
    }
  };
}

const need = createRequire(path.join(options.modules, 'x.js'));
const S3rver = need('@20minutes/s3rver');
const S3Error = need('@20minutes/s3rver/lib/models/error');
const Account = need('@20minutes/s3rver/lib/models/account');

const LEAST_PART = 5 << 20;
const requests = new AsyncLocalStorage();

function refuse(status, code, message) {
  const err = new S3Error(code, message);
  err.status = status;
  err.expose = true;
  throw err;
}

function checkAccount(ctx) {
  const given = ctx.get('authorization');
  const id = (/Credential=([^/]+)\//.exec(given) || [])[1];
  const signed = (/SignedHeaders=([^,]+)/.exec(given) || ['', ''])[1].split(';');
  const account = options.accounts.find((a) => a.id === id);

  if (!given && !('X-Amz-Signature' in ctx.query)) refuse(403, 'AccessDenied', 'Access Denied');
  if (!given) return;
  if (!account) refuse(403, 'InvalidAccessKeyId', 'There is no such key.');
  if (account.token && ctx.get('x-amz-security-token') !== account.token)
    refuse(403, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
  for (const name of Object.keys(ctx.headers))
    if ((name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name))
      refuse(403, 'AccessDenied', `There were headers present which were not signed: ${name}`);
  if (options.writeOnly && (ctx.method === 'GET' || ctx.method === 'HEAD' ||
      (ctx.method === 'DELETE' && !ctx.query.uploadId)))
    refuse(403, 'AccessDenied', 'Access Denied');
}

function uploadFolder(bucket, id) {
  return path.join(server.store.getResourcePath(bucket, undefined, 'uploads'), id);
}

function abort(ctx) {
  const folder = uploadFolder(ctx.params.bucket, ctx.query.uploadId);

  if (!fs.existsSync(folder)) refuse(404, 'NoSuchUpload', 'The upload does not exist.');
  fs.rmSync(folder, { recursive: true });
  ctx.status = 204;
}

async function wrapped(ctx, next) {
  const { writeHead } = ctx.res;
  let failed;

  // an error's answer begins without the header that was set before
  ctx.res.writeHead = function (...args) {
    this.setHeader('Date', new Date().toUTCString());
    return writeHead.apply(this, args);
  };
  try {
    checkAccount(ctx);
    await requests.run(ctx, next);
  } catch (err) {
    const isAbort = ctx.method === 'DELETE' && ctx.query.uploadId && ctx.state.account;

    failed = err.status || 500;
    if (!(isAbort && err.code === 'MethodNotAllowed')) throw err;
    abort(ctx);
    failed = 0;
  } finally {
    if (options.log)
      fs.appendFileSync(options.log, JSON.stringify({
        method: ctx.method, url: ctx.url, length: Number(ctx.get('content-length')) || 0,
        status: failed || ctx.status,
      }) + '\n');
  }
}

async function digest(file) {
  const hash = crypto.createHash('sha256');

  for await (const piece of fs.createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
}

// What is signed is the path that is asked for: the bucket is not in it if it is in the host's name.
const v4 = need('@20minutes/s3rver/lib/signature/v4');
const { getStringToSign } = v4;

v4.getStringToSign = function (canonical, ...rest) {
  const ctx = requests.getStore();
  const prefix = `/${ctx.params.bucket}`;

  if (ctx.state.vhost && canonical.uri.startsWith(`${prefix}/`))
    canonical = { ...canonical, uri: canonical.uri.slice(prefix.length) };
  return getStringToSign.call(this, canonical, ...rest);
};

const server = new S3rver({
  silent: true,
  address: options.address || '127.0.0.1',
  port: options.port || 0,
  key: options.key && fs.readFileSync(options.key),
  cert: options.cert && fs.readFileSync(options.cert),
  directory: options.directory,
  serviceEndpoint: options.endpoint || 'lab.test',
  configureBuckets: options.buckets.map((name) => ({ name })),
});

const { putContent, putObjectMultipart } = Object.getPrototypeOf(server.store);

server.store.putContent = async function (file, content) {
  const result = await putContent.call(this, file, content);
  const ctx = requests.getStore();

  if (!ctx || ctx.method !== 'PUT') return result;
  const wanted = ctx.get('x-amz-content-sha256');
  const md5 = ctx.get('content-md5');

  if (/^[0-9a-f]{64}$/.test(wanted) && wanted !== (await digest(file))) {
    fs.rmSync(file);
    refuse(400, 'XAmzContentSHA256Mismatch', 'The provided header does not match the body.');
  }
  if (md5 && md5 !== Buffer.from(result[1], 'hex').toString('base64')) {
    fs.rmSync(file);
    refuse(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  return result;
};

server.store.putPart = ((original) => function (bucket, id, ...rest) {
  if (!fs.existsSync(uploadFolder(bucket, id)))
    refuse(404, 'NoSuchUpload', 'The upload does not exist.');
  return original.call(this, bucket, id, ...rest);
})(server.store.putPart);

server.store.putObjectMultipart = async function (bucket, id, parts) {
  const folder = uploadFolder(bucket, id);

  if (!fs.existsSync(folder)) refuse(404, 'NoSuchUpload', 'The upload does not exist.');
  parts.forEach((part, i) => {
    const file = path.join(folder, String(part.number));

    if (i && parts[i - 1].number >= part.number)
      refuse(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    if (!fs.existsSync(file) || fs.readFileSync(`${file}.md5`, 'utf8') !== part.etag)
      refuse(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
    if (i < parts.length - 1 && fs.statSync(file).size < LEAST_PART)
      refuse(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum.');
  });
  return putObjectMultipart.call(this, bucket, id, parts);
};

Account.registry.clear();
for (const { id, secret } of options.accounts)
  new Account(123456789000, 'lab').createKeyPair(id, secret);
server.middleware.unshift(wrapped);
server.run().then(({ port }) => console.log(`ready ${port}`));
