# New buckets: `tofu destroy` refuses to delete them; docs/howto/deploy.md says what to do then.

locals {
  new_buckets = toset(concat(
    var.videos_bucket == "" ? ["videos"] : [],
    var.frames_bucket == "" ? ["frames"] : [],
  ))
  # Fixed names: the queue's policy has to name the bucket before there is one.
  bucket_names = {
    videos = "${var.name}-videos-${local.account}-${local.region}"
    frames = "${var.name}-frames-${local.account}-${local.region}"
  }
  videos_bucket     = var.videos_bucket == "" ? aws_s3_bucket.new["videos"].bucket : var.videos_bucket
  frames_bucket     = var.frames_bucket == "" ? aws_s3_bucket.new["frames"].bucket : var.frames_bucket
  videos_bucket_arn = "arn:${local.partition}:s3:::${local.videos_bucket}"
  frames_bucket_arn = "arn:${local.partition}:s3:::${local.frames_bucket}"
}

resource "aws_s3_bucket" "new" {
  for_each = local.new_buckets
  bucket   = local.bucket_names[each.key]

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "new" {
  for_each = var.versioning ? local.new_buckets : toset([])
  bucket   = aws_s3_bucket.new[each.key].bucket
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_logging" "new" {
  for_each      = var.access_log_bucket == "" ? toset([]) : local.new_buckets
  bucket        = aws_s3_bucket.new[each.key].bucket
  target_bucket = var.access_log_bucket
  target_prefix = "${var.name}-${each.key}/"
}

resource "aws_s3_bucket_server_side_encryption_configuration" "new" {
  for_each = local.new_buckets
  bucket   = aws_s3_bucket.new[each.key].bucket
  rule {
    bucket_key_enabled = var.buckets_kms_key_arn == "" ? null : true
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.buckets_kms_key_arn == "" ? "AES256" : "aws:kms"
      kms_master_key_id = var.buckets_kms_key_arn == "" ? null : var.buckets_kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "new" {
  for_each                = local.new_buckets
  bucket                  = aws_s3_bucket.new[each.key].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "new" {
  for_each = local.new_buckets
  bucket   = aws_s3_bucket.new[each.key].bucket
  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
  rule {
    id     = "expire-older-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
  depends_on = [aws_s3_bucket_versioning.new]
}

resource "aws_s3_bucket_policy" "new" {
  for_each = local.new_buckets
  bucket   = aws_s3_bucket.new[each.key].bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource = [
        "arn:${local.partition}:s3:::${local.bucket_names[each.key]}",
        "arn:${local.partition}:s3:::${local.bucket_names[each.key]}/*",
      ]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_notification" "videos" {
  count  = var.s3_events && var.videos_bucket == "" ? 1 : 0
  bucket = local.videos_bucket
  queue {
    queue_arn     = aws_sqs_queue.videos.arn
    events        = ["s3:ObjectCreated:*"]
    filter_suffix = ".mp4"
  }
  depends_on = [aws_sqs_queue_policy.videos] # S3 sends a test message when the notification is configured
}
