// Starts Workers from the text of the laboratory's own functions: a page opened from disk has no other way.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.engineBytes = function () {
    const text = atob(lab.engineBase64);
    return Uint8Array.from(text, (c) => c.charCodeAt(0));
  };

  // In the Worker: the compiled engine where the browser can run it, else the plain one.
  function inWorker(portable, makeNetwork, compiled, plain, trainer) {
    let hear = null;
    self.onmessage = ({ data }) => {
      if (data.type !== 'begin') {
        hear(data);
        return;
      }
      const network = makeNetwork(portable());
      let engine, kind;
      try {
        if (data.plain) throw new Error('the plain engine was asked for');
        engine = new (compiled(network))(data.bytes);
        kind = 'WebAssembly';
      } catch {
        engine = new (plain(network))();
        kind = 'JavaScript';
      }
      hear = trainer(engine, kind, network, (message) => self.postMessage(message));
    };
  }

  let url = null;
  function source() {
    const parts = [lab.portable, lab.network, lab.compiled, lab.plain, lab.trainer].map(String);
    // Each of them uses its arguments only, so it runs in a Worker as it stands.
    return `'use strict';(${String(inWorker)})(${parts.join(',')});`;
  }

  // One Worker; told(message) hears it. Throws where the browser runs none from a page on disk.
  lab.start = function (told, plain) {
    url = url || URL.createObjectURL(new Blob([source()], { type: 'text/javascript' }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => told(data);
    worker.onerror = (event) => told({ type: 'failed', why: event.message });
    worker.postMessage({ type: 'begin', bytes: lab.engineBytes(), plain: Boolean(plain) });
    return worker;
  };
})();
