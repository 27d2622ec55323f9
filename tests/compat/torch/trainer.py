"""transformers' Trainer with `report_to=["codecarbon"]`, on a tiny model of random weights."""

import csv
import json

import microjoule

microjoule.install_as_codecarbon()

import torch  # noqa: E402
from transformers import (  # noqa: E402
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainingArguments,
)
from transformers.integrations import CodeCarbonCallback  # noqa: E402

torch.manual_seed(1)
model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=16, n_embd=16, n_layer=1, n_head=2))
tokens = torch.randint(0, 64, (32, 16))
data = [{"input_ids": row, "labels": row} for row in tokens]
trainer = Trainer(
    model,
    TrainingArguments(
        output_dir="out",
        report_to=["codecarbon"],
        max_steps=8,
        per_device_train_batch_size=4,
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    ),
    train_dataset=data,
)
(callback,) = [c for c in trainer.callback_handler.callbacks if isinstance(c, CodeCarbonCallback)]
trainer.train()
with open("out/emissions.csv", newline="") as file:
    rows = list(csv.DictReader(file))
print(
    json.dumps(
        {
            "tracker": type(callback.tracker).__module__,
            "rows": len(rows),
            "project": rows[0]["project_name"],
            "energy_kwh": float(rows[0]["energy_consumed"]),
            "duration_s": float(rows[0]["duration"]),
            "columns": list(rows[0]),
        }
    )
)
