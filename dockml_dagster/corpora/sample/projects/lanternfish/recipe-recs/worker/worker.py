"""Retrains the two towers from last night's reviews. Runs at 03:10, see the crontab."""

import os

import pandas as pd
import tensorflow as tf

reviews = pd.read_sql("select person, recipe, stars from reviews", os.environ["DATABASE_URL"])
people = tf.keras.layers.Embedding(200_000, 32)
recipes = tf.keras.layers.Embedding(1_200_000, 32)
optimiser = tf.keras.optimizers.Adam(1e-3)
for batch in tf.data.Dataset.from_tensor_slices(dict(reviews)).batch(4096):
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(people(batch["person"]) * recipes(batch["recipe"]), axis=1)
        loss = tf.reduce_mean((score - tf.cast(batch["stars"], tf.float32)) ** 2)
    variables = people.trainable_variables + recipes.trainable_variables
    optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables))
