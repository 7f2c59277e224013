"""The example pipeline: de-duplicate, normalise, split. Every partition on its own executor."""

from pyspark.sql import SparkSession, functions as f

spark = SparkSession.builder.appName("clean").getOrCreate()
rows = spark.read.parquet("/silo/current").repartition(64)
rows = rows.dropDuplicates(["content_hash"]).withColumn("text", f.lower(f.trim("text")))
train, test = rows.randomSplit([0.9, 0.1], seed=7)
train.write.mode("overwrite").parquet("/silo/next/train")
test.write.mode("overwrite").parquet("/silo/next/test")
