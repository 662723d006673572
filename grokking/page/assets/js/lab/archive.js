// Saving and opening: a zipped run directory of the project's own format, without compression.
//
// config.json, history.json and checkpoints as safetensors, the last of them with the optimiser's state, so
// that training can go on. grokking import reads the archive; unzipped, it is a run directory.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const MOST_BYTES = 256 * 2 ** 20;
  const utf8 = new TextEncoder();
  const text = new TextDecoder();

  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });
  const crc32 = (bytes) => {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  };

  // Numbers of 2 and 4 bytes, little-endian, one after the other: fields([[2, 20], [4, size], …]).
  function fields(list) {
    const bytes = new Uint8Array(list.reduce((sum, [size]) => sum + size, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    list.forEach(([size, value]) => {
      if (size === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += size;
    });
    return bytes;
  }

  // files: [name, Uint8Array]. A zip archive whose entries are stored as they are.
  lab.zip = function (files) {
    const parts = [],
      central = [];
    let at = 0;
    files.forEach(([name, content]) => {
      const label = utf8.encode(name);
      const about = [
        [2, 20],
        [2, 0x800],
        [2, 0],
        [2, 0],
        [2, 0x21],
        [4, crc32(content)],
        [4, content.length],
        [4, content.length],
        [2, label.length],
        [2, 0],
      ];
      const local = fields([[4, 0x04034b50], ...about]);
      const rest = [
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
        [4, at],
      ];
      central.push(fields([[4, 0x02014b50], [2, 20], ...about, ...rest]), label);
      parts.push(local, label, content);
      at += local.length + label.length + content.length;
    });
    const size = central.reduce((sum, part) => sum + part.length, 0);
    const n = files.length;
    const end = fields([
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, n],
      [2, n],
      [4, size],
      [4, at],
      [2, 0],
    ]);
    return new Blob([...parts, ...central, end], { type: 'application/zip' });
  };

  // The files of such an archive, by name: from its directory at the end. Throws an Error in words.
  lab.unzip = function (bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = bytes.length - 22;
    if (end < 0 || view.getUint32(end, true) !== 0x06054b50)
      throw new Error('it is not an archive that this page saved');
    const found = {};
    let at = view.getUint32(end + 16, true);
    for (let i = 0; i < view.getUint16(end + 10, true); i++) {
      const [method, crc, size] = [
        view.getUint16(at + 10, true),
        view.getUint32(at + 16, true),
        view.getUint32(at + 20, true),
      ];
      const length = view.getUint16(at + 28, true);
      const name = text.decode(bytes.subarray(at + 46, at + 46 + length));
      const local = view.getUint32(at + 42, true);
      const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const content = bytes.slice(from, from + size);
      if (method !== 0)
        throw new Error(`${name} in it is compressed; only archives saved by this page are read`);
      if (content.length !== size || crc32(content) !== crc) throw new Error(`${name} in it is damaged`);
      found[name] = content;
      at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return found;
  };

  // tensors: [name, shape, Float32Array].
  lab.safetensors = function (tensors, about) {
    const header = { __metadata__: { grokking: JSON.stringify(about) } };
    let at = 0;
    tensors.forEach(([name, shape, values]) => {
      header[name] = { dtype: 'F32', shape, data_offsets: [at, (at += values.byteLength)] };
    });
    let words = JSON.stringify(header);
    words += ' '.repeat((8 - (utf8.encode(words).length % 8)) % 8);
    const head = utf8.encode(words);
    const out = new Uint8Array(8 + head.length + at);
    new DataView(out.buffer).setUint32(0, head.length, true);
    out.set(head, 8);
    tensors.forEach(([name, , values]) => {
      const from = 8 + head.length + header[name].data_offsets[0];
      out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), from);
    });
    return out;
  };

  // {about, tensors: Float32Array by name}. Throws an Error in words.
  lab.readSafetensors = function (bytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(text.decode(bytes.subarray(8, 8 + length)));
    const tensors = {};
    for (const name in header) {
      if (name === '__metadata__') continue;
      const [from, to] = header[name].data_offsets;
      if (header[name].dtype !== 'F32') throw new Error(`${name} in it is no 32-bit number`);
      tensors[name] = new Float32Array(bytes.slice(8 + length + from, 8 + length + to).buffer);
    }
    return { about: JSON.parse(header.__metadata__.grokking), tensors };
  };

  // The run's config as RunConfig has it; fields that are absent have its defaults.
  lab.config = function (settings) {
    const { task, p, fraction, width, seed, lr, decay } = settings;
    const config = { p, task, model: 'transformer', optimiser: 'adamw', train_frac: fraction };
    Object.assign(config, { d_model: width, n_heads: 4, d_mlp: 4 * width, activation: 'relu' });
    Object.assign(config, { layer_norm: false, attention_temperature: 1, equals_class: false });
    Object.assign(config, { lr, weight_decay: decay, betas: [0.9, 0.98], warmup: 0, seed });
    return { ...config, init_scheme: 'portable', init_digest: '', log_every: 10, checkpoint_every: 1000 };
  };

  const column = (rows, name) => rows.map((row) => row[name]);
  lab.history = function (snapshot, config) {
    const { rows, moments } = snapshot;
    const record = { config, grokking_epoch: moments.grokking, memorisation_epoch: moments.memorised };
    record.epochs = column(rows, 'epoch');
    for (const name of ['train_loss', 'train_acc', 'test_loss', 'test_acc', 'weight_norm'])
      record[name] = column(rows, name);
    return record;
  };

  // The archive of a snapshot, as [name, bytes].
  lab.files = function (snapshot) {
    const { settings, kept, state, changes } = snapshot;
    const network = lab.network(lab.portable());
    const shape = network.shape(settings);
    const sizes = network.sizes(shape);
    const last = kept[kept.length - 1].epoch;
    const config = { ...lab.config(settings), n_epochs: Math.max(1, last) };
    const json = (record) => utf8.encode(JSON.stringify(record));
    const tensors = (flat, prefix) =>
      Object.entries(network.views(flat, shape)).map(([name, view]) => [prefix + name, sizes[name], view]);
    const checkpoints = kept.map(({ epoch, weights }) => {
      const moments = ['exp_avg', 'exp_avg_sq'].flatMap((name) => tensors(state[name], `optimiser.${name}.`));
      const all = tensors(weights, '').concat(epoch === last ? moments : []);
      const about = { format: 1, epoch, kept: 'schedule', config, watch: {} };
      return [`checkpoint_e${String(epoch).padStart(6, '0')}.safetensors`, lab.safetensors(all, about)];
    });
    const made = { config, command: ['the laboratory of the page'], laboratory: { settings, changes } };
    return [
      ['config.json', json(made)],
      ['history.json', json(lab.history(snapshot, config))],
      ...checkpoints,
    ];
  };

  lab.save = async function (run) {
    const snapshot = await run.snapshot();
    const { task, p, seed } = snapshot.settings;
    const url = URL.createObjectURL(lab.zip(lab.files(snapshot)));
    T.html('a', { href: url, download: `lab_${task}_p${p}_seed${seed}_e${run.epoch}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    lab.say('Saved. grokking import reads the file, and so does “Load a saved run”.');
  };

  // {settings, from} of a file, to open a run with. Throws an Error in words.
  lab.opened = async function (file) {
    if (file.size > MOST_BYTES) throw new Error('it is larger than 256 MB');
    const files = lab.unzip(new Uint8Array(await file.arrayBuffer()));
    const names = Object.keys(files).filter((name) => /^checkpoint_e\d+\.safetensors$/.test(name));
    if (!names.length || !files['config.json']) throw new Error('it holds no run of the laboratory');
    const record = JSON.parse(text.decode(files['config.json']));
    if (!record.laboratory) throw new Error('its run was not trained in the laboratory');
    const settings = lab.checked(record.laboratory.settings);
    const { about, tensors } = lab.readSafetensors(files[names.sort().pop()]);
    const network = lab.network(lab.portable());
    const shape = network.shape(settings);
    const from = { epoch: about.epoch };
    for (const [name, prefix] of [
      ['weights', ''],
      ['exp_avg', 'optimiser.exp_avg.'],
      ['exp_avg_sq', 'optimiser.exp_avg_sq.'],
    ]) {
      from[name] = new Float32Array(network.total(shape));
      Object.entries(network.views(from[name], shape)).forEach(([parameter, view]) => {
        const values = tensors[prefix + parameter];
        if (!values || values.length !== view.length || !values.every(Number.isFinite))
          throw new Error(`${prefix + parameter} in it is missing, of another size or not finite`);
        view.set(values);
      });
    }
    if (!Number.isInteger(from.epoch) || from.epoch < 0) throw new Error('its epoch is no whole number');
    from.rows = rowsOf(files['history.json']);
    return { settings, from };
  };
  function rowsOf(bytes) {
    const record = bytes ? JSON.parse(text.decode(bytes)) : { epochs: [] };
    const names = ['train_loss', 'train_acc', 'test_loss', 'test_acc', 'weight_norm'];
    const rows = record.epochs.map((epoch, i) => ({
      epoch,
      ...Object.fromEntries(names.map((name) => [name, record[name][i]])),
    }));
    return rows.filter((row) => Object.values(row).every(Number.isFinite));
  }
})();
